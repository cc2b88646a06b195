//! All files of a job: those that it made, and those that are drawn from its mesh.

use std::path::Path;

use partwright::contract::{Format, Outcome, Sha256};

use crate::collect::{Collected, collect, read_one};
use crate::engine::Finished;
use crate::render::{self, Drawn, PICTURE_SIZE};

/// The most of a mesh that is drawn, in bytes: about 2 million triangles, which take seconds and 500 MB.
const MESH_LIMIT: u64 = 64 << 20;

/// Takes the files of a job that says it completed, and draws its mesh. Files that cannot be taken make it a failed
/// job, and say so; without a picture it is a model all the same.
pub async fn gather(directory: &Path, finished: &mut Finished, limit: u64) -> Vec<Collected> {
    if finished.outcome != Outcome::Completed {
        return Vec::new();
    }
    if finished.files.is_empty() {
        // The job shares a process with the script, which can say what it likes; files it has to make.
        finished.fail("output_invalid", "The job says that it completed, and left no file");
        return Vec::new();
    }
    let mut files = match collect(directory, &finished.files, limit) {
        Ok(files) => files,
        Err(error) => {
            finished.fail("output_invalid", &format!("The job's files cannot be taken: {error}"));
            return Vec::new();
        }
    };
    let Some(mesh) = finished.mesh.clone() else { return files };
    match draw(directory, &mesh).await {
        Ok(drawn) => {
            let picture = drawn.picture.map(|picture| (Format::Png, picture));
            if picture.is_none() {
                finished.warn("No picture: the model is too large to draw, or there is nothing to see");
            }
            for (format, bytes) in [(Format::Glb, drawn.glb)].into_iter().chain(picture) {
                let sha256 = Sha256::of(&bytes);
                files.push(Collected { format, made_by: "runner".to_owned(), bytes: bytes.into(), sha256 });
            }
        }
        Err(problem) => finished.warn(&format!("No GLB and no picture: {problem}")),
    }
    files
}

async fn draw(directory: &Path, mesh: &str) -> Result<Drawn, String> {
    let bytes = read_one(directory, mesh, MESH_LIMIT).map_err(|error| error.to_string())?;
    // It computes for a while, and this thread keeps the heartbeats.
    let drawing = tokio::task::spawn_blocking(move || render::draw(&bytes, PICTURE_SIZE));
    drawing.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
