//! Draws a GLB file and a picture from a job's mesh, without FreeCAD and without a graphics card.
//!
//! - `mesh`: reads the mesh file, which is not trusted
//! - `surface`: prepares the mesh for both outputs: shared vertices, smooth normals, edges
//! - `glb`: the binary glTF file
//! - `picture`: the PNG picture
//!
//! It is a pure function on one core: the same bytes give the same files. It computes for milliseconds to seconds, so
//! do not call it on the thread that serves the jobs.

mod glb;
mod mesh;
mod picture;
mod surface;

pub use mesh::MeshError;
use surface::Surface;

/// The default width and height of the picture, in pixels.
pub const PICTURE_SIZE: u32 = 512;

/// The files that a mesh becomes.
#[derive(Debug)]
pub struct Drawn {
    /// Binary glTF 2.0. Valid but empty if there is nothing to show; `None` if it would be too large.
    pub glb: Option<Vec<u8>>,
    /// A PNG picture. `None` if there is nothing to see or it would take too long to draw.
    pub picture: Option<Vec<u8>>,
}

/// Draws a mesh file: a picture of `size` by `size` pixels, and a GLB file of at most `limit` bytes.
///
/// # Errors
/// When the bytes are not a mesh file, or exceed the limits of `mesh`.
pub fn draw(bytes: Vec<u8>, size: u32, limit: u64) -> Result<Drawn, MeshError> {
    let mesh = mesh::parse(&bytes)?;
    // Each form of the mesh is dropped as soon as the next one exists, because a large one takes much memory.
    drop(bytes);
    let surface = Surface::of(&mesh);
    drop(mesh);
    // The picture comes first, so that its memory is free again when the GLB file, which stays, is made.
    let picture = picture::draw(&surface, size);
    Ok(Drawn { glb: glb::write(&surface, limit), picture })
}

/// A small mesh file, for the tests of other crates.
#[cfg(any(test, feature = "testing"))]
pub fn sample() -> Vec<u8> {
    mesh::sample::file(&[mesh::sample::cube()])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mesh_becomes_both_files() {
        let drawn = super::draw(super::sample(), super::PICTURE_SIZE, u64::MAX).unwrap();
        assert!(drawn.glb.unwrap().starts_with(b"glTF"));
        assert!(drawn.picture.unwrap().starts_with(b"\x89PNG"));
        assert!(super::draw(b"PWM1".to_vec(), 64, u64::MAX).is_err());
    }
}
