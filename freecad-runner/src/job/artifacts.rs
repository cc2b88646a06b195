//! All files of a job: those that the script left, and GLB file and picture, which are drawn from its mesh.

use std::path::Path;

use contract::{Format, JobErrorCode, Outcome, Sha256};
use render::{Drawn, PICTURE_SIZE};
use sandbox::Finished;
use tokio::sync::Semaphore;

use super::collect::{Collected, collect, read_one, size_of};

/// The largest mesh that is read, in bytes: 2 million triangles over 3 million vertices.
const MESH_LIMIT: u64 = 64 << 20;

/// The largest mesh that is drawn at the same time as others, in bytes: 200,000 triangles over 150,000 vertices, or
/// 350,000 triangles over few vertices. They need at most 180 MB of memory (measured, as below).
const SMALL_MESH: u64 = 4 << 20;

/// Larger meshes are drawn one at a time, whatever the number of slots. The worst case, 2 million triangles that share no
/// edge, over 3 million vertices or in 20,000 colours, makes this process use up to 630 MB for five seconds and gives a
/// GLB file of 168 to 175 MB (measured on generated meshes, all files of the job included).
static LARGE_MESH: Semaphore = Semaphore::const_new(1);

/// Reads the files of a completed job, and draws its mesh. A file that cannot be used fails the job, with an error that
/// says why. A missing picture is only a warning.
pub async fn gather(directory: &Path, finished: &mut Finished, limit: u64) -> Vec<Collected> {
    if finished.outcome != Outcome::Completed {
        return Vec::new();
    }
    if finished.files.is_empty() {
        // The script shares a process with the code that reports, and could forge a success. It cannot forge files.
        finished.fail(JobErrorCode::OutputInvalid, "The job reports success but left no file");
        return Vec::new();
    }
    let mut files = match collect(directory, &finished.files, limit) {
        Ok(files) => files,
        Err(error) => {
            finished.fail(JobErrorCode::OutputInvalid, &format!("The job's files cannot be used: {error}"));
            return Vec::new();
        }
    };
    let Some(mesh) = finished.mesh.clone() else { return files };
    // Drawn files count against the job's limit, because the script decides how large they are.
    let remaining = limit - files.iter().map(|file| file.bytes.len() as u64).sum::<u64>();
    match draw(directory, &mesh, remaining).await {
        Ok((drawn, missing)) => {
            files.extend(drawn);
            missing.iter().for_each(|warning| finished.warn(warning));
        }
        Err(problem) => finished.warn(&format!("No GLB and no picture: {problem}")),
    }
    files
}

/// Draws the GLB file and the picture, at most `limit` bytes together. Gives a warning for each that is missing.
async fn draw(directory: &Path, mesh: &str, limit: u64) -> Result<(Vec<Collected>, Vec<&'static str>), String> {
    // Checked before reading: with many slots the bytes alone would need much memory.
    let is_large = size_of(directory, mesh).map_err(|error| error.to_string())? > SMALL_MESH;
    let _permit = if is_large { Some(LARGE_MESH.acquire().await.map_err(|error| error.to_string())?) } else { None };
    let bytes = read_one(directory, mesh, MESH_LIMIT).map_err(|error| error.to_string())?;
    // Drawing takes a while, and this thread sends the heartbeats.
    let drawing = tokio::task::spawn_blocking(move || {
        let Drawn { glb, picture } = render::draw(bytes, PICTURE_SIZE, limit)?;
        let mut missing = Vec::new();
        if glb.is_none() {
            missing.push("No GLB: with it the files would exceed the size limit for one job");
        }
        let remaining = limit - glb.as_ref().map_or(0, |glb| glb.len() as u64);
        let is_drawn = picture.is_some();
        let picture = picture.filter(|picture| picture.len() as u64 <= remaining);
        match (is_drawn, &picture) {
            (_, Some(_)) => {}
            (true, None) => missing.push("No picture: with it the files would exceed the size limit for one job"),
            (false, None) => missing.push("No picture: the model is too large to draw, or there is nothing to see"),
        }
        let drawn = [(Format::Glb, glb), (Format::Png, picture)].into_iter().filter_map(|(format, bytes)| {
            let (made_by, sha256) = ("runner".to_owned(), Sha256::of(bytes.as_ref()?));
            Some(Collected { format, made_by, bytes: bytes?.into(), sha256 })
        });
        Ok((drawn.collect(), missing))
    });
    let drawn: Result<_, render::MeshError> = drawing.await.map_err(|error| error.to_string())?;
    drawn.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use contract::RunId;
    use sandbox::{Log, MadeFile};

    use super::*;

    /// Gathers the files of a job that left an STL file of ten bytes and a mesh. Gives formats and warnings.
    async fn gathered(mesh: &[u8], limit: u64) -> (Vec<Format>, Vec<String>) {
        let directory = std::env::temp_dir().join(format!("partwright-artifacts-{}", RunId::random()));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(Format::Stl.file_name()), "0123456789").unwrap();
        fs::write(directory.join("mesh.pwm"), mesh).unwrap();
        let stl = MadeFile { format: Format::Stl, name: Format::Stl.file_name(), made_by: "script".to_owned() };
        let mut finished = Finished {
            outcome: Outcome::Completed,
            error: None,
            geometry: None,
            files: vec![stl],
            mesh: Some("mesh.pwm".to_owned()),
            timings_ms: Default::default(),
            warnings: Vec::new(),
            engine: None,
            log: Log::default(),
        };
        let files = gather(&directory, &mut finished, limit).await;
        fs::remove_dir_all(&directory).unwrap();
        assert!(files.iter().map(|file| file.bytes.len() as u64).sum::<u64>() <= limit);
        (files.iter().map(|file| file.format).collect(), finished.warnings)
    }

    #[tokio::test]
    async fn drawn_files_count_against_the_limit() {
        let mesh = render::sample();
        let Drawn { glb, picture } = render::draw(mesh.clone(), PICTURE_SIZE, u64::MAX).unwrap();
        let (glb, png) = (glb.unwrap().len() as u64, picture.unwrap().len() as u64);
        assert!(png > glb);
        let all = 10 + glb + png;
        assert_eq!(gathered(&mesh, all).await, (vec![Format::Stl, Format::Glb, Format::Png], vec![]));
        let (formats, warnings) = gathered(&mesh, all - 1).await;
        assert_eq!(formats, [Format::Stl, Format::Glb]);
        assert!(warnings[0].starts_with("No picture: with it"), "{warnings:?}");
        let (formats, warnings) = gathered(&mesh, 10 + glb - 1).await;
        assert_eq!(formats, [Format::Stl]);
        assert!(warnings[0].starts_with("No GLB: with it") && warnings.len() == 2, "{warnings:?}");
    }

    #[tokio::test]
    async fn only_a_large_mesh_waits_for_others() {
        let turn = LARGE_MESH.acquire().await.unwrap();
        assert_eq!(gathered(&render::sample(), 1 << 30).await.0.len(), 3);
        let large = vec![0; SMALL_MESH as usize + 1];
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), gathered(&large, 1 << 30)).await;
        assert!(waited.is_err());
        drop(turn);
        let (formats, warnings) = gathered(&large, 1 << 30).await;
        assert_eq!(formats, [Format::Stl]);
        assert!(warnings[0].contains("not a mesh file"), "{warnings:?}");
    }
}
