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
    /// Binary glTF 2.0; valid but without a mesh in it when there is nothing to show. None when it would be too large.
    pub glb: Option<Vec<u8>>,
    /// A PNG picture; none when there is nothing to see or it would take too long to draw.
    pub picture: Option<Vec<u8>>,
}

/// Draws the mesh file `bytes`; the picture gets `size` by `size` pixels, the GLB file at most `limit` bytes.
///
/// # Errors
/// When the bytes are not a mesh file, or are larger than `mesh` allows.
pub fn draw(bytes: Vec<u8>, size: u32, limit: u64) -> Result<Drawn, MeshError> {
    let mesh = mesh::parse(&bytes)?;
    // Each is dropped as soon as the next is there: of a large mesh each takes much.
    drop(bytes);
    let surface = Surface::of(&mesh);
    drop(mesh);
    // The picture first: what it takes is gone before the file is made, which stays.
    let picture = picture::draw(&surface, size);
    Ok(Drawn { glb: glb::write(&surface, limit), picture })
}

/// A small mesh file for the tests of those who draw.
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
