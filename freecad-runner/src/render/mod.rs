//! The drawing half: from a job's mesh to a GLB file and a picture, without FreeCAD and without a graphics card.
//!
//! - `mesh`: reads the mesh that the job's process wrote, which is not trusted
//! - `surface`: what both outputs need of it: one vertex a point and normal, smooth normals, edges
//! - `glb`: the binary glTF file
//! - `picture`: the PNG picture
//!
//! All of it is a pure function of the bytes, on one core: the same mesh gives the same files. It computes for
//! milliseconds to seconds, so call it off the thread that serves the jobs.

mod glb;
mod mesh;
mod picture;
mod surface;

pub use mesh::MeshError;
use surface::Surface;

/// The picture's side in pixels where nothing else is asked for.
pub const PICTURE_SIZE: u32 = 512;

/// What a mesh becomes.
#[derive(Debug)]
pub struct Drawn {
    /// Binary glTF 2.0; valid but without a mesh in it when there is nothing to show.
    pub glb: Vec<u8>,
    /// A PNG picture; none when there is nothing to see or it would take too long to draw.
    pub picture: Option<Vec<u8>>,
}

/// Draws the mesh file `bytes`; the picture gets `size` by `size` pixels.
///
/// # Errors
/// When the bytes are not a mesh file, or are larger than `mesh` allows.
pub fn draw(bytes: &[u8], size: u32) -> Result<Drawn, MeshError> {
    let surface = Surface::of(&mesh::parse(bytes)?);
    Ok(Drawn { glb: glb::write(&surface), picture: picture::draw(&surface, size) })
}

#[cfg(test)]
mod tests {
    use super::mesh::sample;

    #[test]
    fn a_mesh_becomes_both_files() {
        let drawn = super::draw(&sample::file(&[sample::cube()]), super::PICTURE_SIZE).unwrap();
        assert!(drawn.glb.starts_with(b"glTF"));
        assert!(drawn.picture.unwrap().starts_with(b"\x89PNG"));
        assert!(super::draw(b"PWM1", 64).is_err());
    }
}
