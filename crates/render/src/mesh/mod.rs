//! Reads the mesh file that a job's process writes. It is strict, because the script is not trusted.
//!
//! The file is little endian: `PWM1`, the number of parts, and then for each part its label (length, UTF-8), base
//! colour (four f32), vertices (count, three f32 each), triangles (count, three u32 each) and colour runs (count, then
//! a number of triangles and four f32 each). The runs cover the triangles in order. Without runs all have the base
//! colour.

use std::collections::HashSet;

// The limits of a file, for all parts together.
const MAX_PARTS: u32 = 10_000;
/// Drawing takes up to 250 bytes of memory for each triangle, and the GLB file up to 84.
const MAX_TRIANGLES: u64 = 2_000_000;
/// More than a mesh of so many triangles has, unless they share almost no vertices.
const MAX_VERTICES: u64 = 3_000_000;
const MAX_RUNS: u64 = 100_000;
/// The colours of each part count separately: each becomes a primitive of the GLB file, which takes 4 KB of memory
/// while it is written.
const MAX_COLOURS: u64 = 20_000;
const MAX_LABEL_BYTES: u32 = 4096;

const MAGIC: &[u8; 4] = b"PWM1";
const POINT_BYTES: usize = 12;
const COLOUR_BYTES: usize = 16;
/// The length of a label, a base colour and three counts.
const MIN_PART_BYTES: usize = 4 + COLOUR_BYTES + 3 * 4;

/// Red, green and blue as sRGB, and alpha, each from 0 to 1. Alpha 1 is opaque.
pub type Colour = [f32; 4];

/// The parts of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    /// In the file's order.
    pub parts: Vec<Part>,
}

/// One object of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub label: String,
    /// The colour if `runs` is empty.
    pub base: Colour,
    /// Finite points in millimetres, right-handed, Z up.
    pub vertices: Vec<[f32; 3]>,
    /// Three valid indices into `vertices` each.
    pub triangles: Vec<[u32; 3]>,
    /// Numbers of consecutive triangles with their colour. They cover all triangles exactly, or there are none.
    pub runs: Vec<(u32, Colour)>,
}

/// The reason to refuse a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeshError {
    #[error("not a mesh file: {problem} (byte {at})")]
    Malformed {
        problem: &'static str,
        /// The position in bytes from the start.
        at: usize,
    },
    #[error("the mesh has more than {limit} {of}")]
    TooLarge { of: &'static str, limit: u64 },
}

/// Reads a mesh file. It compares every count with the bytes that are left before it allocates memory for it.
///
/// # Errors
/// When a count, index or number is out of bounds, a label is not UTF-8, or bytes are missing or left over.
pub fn parse(bytes: &[u8]) -> Result<Mesh, MeshError> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(MeshError::Malformed { problem: "it does not begin with PWM1", at: 0 });
    }
    let count = reader.count(MIN_PART_BYTES)?;
    within(count.into(), MAX_PARTS.into(), "parts")?;
    let mut parts = Vec::with_capacity(count as usize);
    let mut totals = Totals::default();
    for _ in 0..count {
        let part = reader.part(&mut totals)?;
        parts.push(part);
    }
    if reader.at < bytes.len() {
        return Err(reader.malformed("bytes after the last part"));
    }
    Ok(Mesh { parts })
}

fn within(count: u64, limit: u64, of: &'static str) -> Result<(), MeshError> {
    if count > limit { Err(MeshError::TooLarge { of, limit }) } else { Ok(()) }
}

/// The sums over all parts so far.
#[derive(Default)]
struct Totals {
    vertices: u64,
    triangles: u64,
    runs: u64,
    colours: u64,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self, problem: &'static str) -> MeshError {
        MeshError::Malformed { problem, at: self.at }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MeshError> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..length));
        let taken = taken.ok_or_else(|| self.malformed("it ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, MeshError> {
        Ok(u32::from_le_bytes(word(self.take(4)?, 0)))
    }

    /// Reads a number of items of at least `size` bytes each, which must fit into the rest of the file.
    fn count(&mut self, size: usize) -> Result<u32, MeshError> {
        let count = self.u32()?;
        let left = self.bytes.len() - self.at;
        if (left / size) < count as usize {
            return Err(self.malformed("a count is larger than the file"));
        }
        Ok(count)
    }

    fn part(&mut self, totals: &mut Totals) -> Result<Part, MeshError> {
        let length = self.count(1)?;
        within(length.into(), MAX_LABEL_BYTES.into(), "bytes in a label")?;
        let label = std::str::from_utf8(self.take(length as usize)?);
        let label = label.map_err(|_| self.malformed("a label is not UTF-8"))?.to_owned();
        let base = self.colour()?;
        let count = self.count(POINT_BYTES)?;
        totals.vertices += u64::from(count);
        within(totals.vertices, MAX_VERTICES, "vertices")?;
        let vertices: Vec<[f32; 3]> =
            triples(self.take(count as usize * POINT_BYTES)?).map(|point| point.map(f32::from_le_bytes)).collect();
        if !vertices.iter().flatten().all(|coordinate| coordinate.is_finite()) {
            return Err(self.malformed("a coordinate is not finite"));
        }
        let count = self.count(POINT_BYTES)?;
        totals.triangles += u64::from(count);
        within(totals.triangles, MAX_TRIANGLES, "triangles")?;
        let triangles: Vec<[u32; 3]> =
            triples(self.take(count as usize * POINT_BYTES)?).map(|corners| corners.map(u32::from_le_bytes)).collect();
        if !triangles.iter().flatten().all(|index| (*index as usize) < vertices.len()) {
            return Err(self.malformed("a triangle has a corner that does not exist"));
        }
        let runs = self.runs(triangles.len(), totals)?;
        Ok(Part { label, base, vertices, triangles, runs })
    }

    fn runs(&mut self, triangles: usize, totals: &mut Totals) -> Result<Vec<(u32, Colour)>, MeshError> {
        let count = self.count(4 + COLOUR_BYTES)?;
        totals.runs += u64::from(count);
        within(totals.runs, MAX_RUNS, "colour runs")?;
        let mut runs = Vec::with_capacity(count as usize);
        let mut covered = 0_u64;
        for _ in 0..count {
            let length = self.u32()?;
            covered += u64::from(length);
            runs.push((length, self.colour()?));
        }
        if count > 0 && covered != triangles as u64 {
            return Err(self.malformed("the colour runs do not cover the triangles"));
        }
        let colours: HashSet<_> = runs.iter().map(|(_, colour)| colour.map(f32::to_bits)).collect();
        totals.colours += colours.len().max(1) as u64;
        within(totals.colours, MAX_COLOURS, "colours")?;
        Ok(runs)
    }

    fn colour(&mut self) -> Result<Colour, MeshError> {
        let bytes = self.take(COLOUR_BYTES)?;
        let colour = [0, 4, 8, 12].map(|at| f32::from_le_bytes(word(bytes, at)));
        if !colour.iter().all(|channel| channel.is_finite()) {
            return Err(self.malformed("a colour is not finite"));
        }
        Ok(colour.map(|channel| channel.clamp(0.0, 1.0)))
    }
}

/// Four bytes of a slice. `take` has checked that it is long enough.
fn word(bytes: &[u8], at: usize) -> [u8; 4] {
    [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
}

fn triples(bytes: &[u8]) -> impl Iterator<Item = [[u8; 4]; 3]> {
    bytes.chunks_exact(POINT_BYTES).map(|chunk| [word(chunk, 0), word(chunk, 4), word(chunk, 8)])
}

/// Sample meshes for tests.
#[cfg(any(test, feature = "testing"))]
pub mod sample {
    use super::{Colour, MAGIC, Part};

    /// FreeCAD's default grey.
    pub const GREY: Colour = [0.8, 0.8, 0.8, 1.0];

    /// A cube of 10 mm with one corner at the origin, wound outwards.
    pub fn cube() -> Part {
        let vertices = (0..8_u8).map(|i| [0, 1, 2].map(|axis| f32::from(i >> axis & 1) * 10.0)).collect();
        let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = faces.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect();
        Part { label: "Cube".to_owned(), base: GREY, vertices, triangles, runs: Vec::new() }
    }

    /// The wall of an upright cylinder of `sides` quads, 10 mm in diameter and height.
    #[cfg(test)]
    pub fn tube(sides: u16) -> Part {
        let vertices = (0..sides).flat_map(|i| {
            let (sin, cos) = (f32::from(i) / f32::from(sides) * std::f32::consts::TAU).sin_cos();
            [[5.0 * cos, 5.0 * sin, 0.0], [5.0 * cos, 5.0 * sin, 10.0]]
        });
        let sides = u32::from(sides);
        let triangles = (0..sides).flat_map(|i| {
            let (a, b) = (2 * i, 2 * ((i + 1) % sides));
            [[a, b, b + 1], [a, b + 1, a + 1]]
        });
        let (vertices, triangles) = (vertices.collect(), triangles.collect());
        Part { label: "Tube".to_owned(), base: GREY, vertices, triangles, runs: Vec::new() }
    }

    /// Writes the parts as a mesh file.
    pub fn file(parts: &[Part]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        bytes.extend(count(parts.len()));
        for part in parts {
            bytes.extend(count(part.label.len()));
            bytes.extend(part.label.bytes());
            bytes.extend(part.base.iter().flat_map(|channel| channel.to_le_bytes()));
            bytes.extend(count(part.vertices.len()));
            bytes.extend(part.vertices.iter().flatten().flat_map(|coordinate| coordinate.to_le_bytes()));
            bytes.extend(count(part.triangles.len()));
            bytes.extend(part.triangles.iter().flatten().flat_map(|index| index.to_le_bytes()));
            bytes.extend(count(part.runs.len()));
            for (length, colour) in &part.runs {
                bytes.extend(length.to_le_bytes());
                bytes.extend(colour.iter().flat_map(|channel| channel.to_le_bytes()));
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
