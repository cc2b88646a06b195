//! Prepares a mesh for drawing: triangles share vertices, with one smooth normal on a smooth surface and separate
//! normals along an edge.
//!
//! Two triangles are joined smoothly if they share an edge with less than the crease angle. Triangles that are joined
//! around a point share one vertex there. So a curved face costs about half a vertex per triangle in the GLB file,
//! where flat shading costs three, and looks round in spite of its facets.

use std::collections::HashMap;
use std::ops::Range;

use crate::mesh::{Colour, Mesh, Part};

mod edges;
mod vector;

pub use edges::Edge;
use vector::{Vector, add, angle, cross, dot, scaled, sub};

/// The cosine of the crease angle, 32°. FreeCAD tessellates in steps of up to 0.5 rad, 28.6°, which must look round.
const CREASE: f64 = 0.848;

/// The cosine of 45°. If triangles differ from their mean normal by more, for example at the tip of a cone, the mean
/// describes none of them, and each keeps its own normal.
const MAX_SPREAD: f64 = 0.707;

/// All parts' vertices, triangles and edges.
#[derive(Debug, Default)]
pub struct Surface {
    /// Each is a corner of at least one triangle.
    pub vertices: Vec<Vertex>,
    /// Each has an area, within the precision of f64.
    pub triangles: Vec<Triangle>,
    /// The lines where two triangles meet or one ends.
    pub edges: Vec<Edge>,
    /// All different colours.
    pub palette: Vec<Colour>,
    /// The parts that have triangles.
    pub pieces: Vec<Piece>,
}

/// A point of the surface.
#[derive(Debug, Clone, Copy)]
pub struct Vertex {
    /// In millimetres, Z up.
    pub position: [f32; 3],
    /// Of length 1; outward if the triangles are wound outward.
    pub normal: [f32; 3],
}

#[derive(Debug, Clone, Copy)]
pub struct Triangle {
    /// Indices of vertices, counter-clockwise from outside.
    pub corners: [u32; 3],
    /// Index into the palette.
    pub colour: u32,
}

/// One part.
#[derive(Debug)]
pub struct Piece {
    pub label: String,
    /// Its vertices; no other part uses them.
    pub vertices: Range<usize>,
    /// Its triangles.
    pub triangles: Range<usize>,
}

impl Surface {
    /// Prepares all parts of `mesh`. Time is linear in its size, whatever its shape; memory is at most about 250 bytes
    /// per triangle.
    pub fn of(mesh: &Mesh) -> Self {
        let mut surface = Self::default();
        let mut colours = HashMap::new();
        for part in &mesh.parts {
            let (vertices, triangles) = (surface.vertices.len(), surface.triangles.len());
            surface.add(part, &mut colours);
            if surface.triangles.len() > triangles {
                let label = part.label.clone();
                let (vertices, triangles) = (vertices..surface.vertices.len(), triangles..surface.triangles.len());
                surface.pieces.push(Piece { label, vertices, triangles });
            }
        }
        surface
    }

    fn add(&mut self, part: &Part, colours: &mut HashMap<[u32; 4], u32>) {
        let (points, point_of) = weld(&part.vertices);
        let first = self.triangles.len();
        let mut facets: Vec<Facet> = Vec::with_capacity(part.triangles.len());
        let whole = [(u32::try_from(part.triangles.len()).unwrap_or(u32::MAX), part.base)];
        let runs = if part.runs.is_empty() { &whole[..] } else { &part.runs };
        let mut triangles = part.triangles.iter();
        for (length, colour) in runs {
            let key = colour.map(f32::to_bits);
            let colour = *colours.entry(key).or_insert_with(|| {
                self.palette.push(*colour);
                index(self.palette.len() - 1)
            });
            for corners in triangles.by_ref().take(*length as usize) {
                if let Some(facet) = Facet::new(corners.map(|corner| point_of[corner as usize]), &points) {
                    self.triangles.push(Triangle { corners: facet.corners, colour });
                    facets.push(facet);
                }
            }
        }
        let joints = edges::joints(&facets, points.len(), CREASE);
        self.split(first, &points, &facets, &joints);
        self.edges.extend(joints.iter().map(|joint| joint.edge(&self.triangles, index(first))));
    }

    /// Sets the vertices of the triangles from `first` on. Corners that are joined around a point share one.
    fn split(&mut self, first: usize, points: &[[f32; 3]], facets: &[Facet], joints: &[edges::Joint]) {
        let mut groups = Groups::new(facets.len() * 3);
        for joint in joints.iter().filter(|joint| !joint.sharp) {
            let [one, other] = joint.corners();
            groups.join(one[0], other[0]);
            groups.join(one[1], other[1]);
        }
        let mut normals: Vec<Vector> = vec![[0.0; 3]; facets.len() * 3];
        for (i, facet) in facets.iter().enumerate() {
            for side in 0..3 {
                let group = groups.of(index(3 * i + side)) as usize;
                // Weighted by area, so that a large flat face stays flat beside the first strip of a fillet, and by
                // angle, so that the choice of a quad's diagonal does not matter.
                let weight = facet.area * facet.angle(side, points);
                normals[group] = add(normals[group], scaled(facet.normal, weight));
            }
        }
        let mut vertex_of = vec![u32::MAX; facets.len() * 3];
        for (i, facet) in facets.iter().enumerate() {
            for side in 0..3 {
                let group = groups.of(index(3 * i + side)) as usize;
                let length = dot(normals[group], normals[group]).sqrt();
                let mean = scaled(normals[group], 1.0 / length);
                let position = points[facet.corners[side] as usize];
                let vertex = if !length.is_normal() || dot(mean, facet.normal) < MAX_SPREAD {
                    self.push(position, facet.normal)
                } else if vertex_of[group] == u32::MAX {
                    vertex_of[group] = self.push(position, mean);
                    vertex_of[group]
                } else {
                    vertex_of[group]
                };
                self.triangles[first + i].corners[side] = vertex;
            }
        }
    }

    fn push(&mut self, position: [f32; 3], normal: Vector) -> u32 {
        self.vertices.push(Vertex { position, normal: normal.map(|part| part as f32) });
        index(self.vertices.len() - 1)
    }
}

/// A triangle between points, with its normal and area.
#[derive(Debug)]
struct Facet {
    corners: [u32; 3],
    normal: Vector,
    area: f64,
}

impl Facet {
    /// `None` if it has no area.
    fn new(corners: [u32; 3], points: &[[f32; 3]]) -> Option<Self> {
        let [a, b, c] = corners.map(|corner| points[corner as usize].map(f64::from));
        let product = cross(sub(b, a), sub(c, a));
        let area = dot(product, product).sqrt();
        // f64 can hold the square of any product of two f32. A subnormal area has no direction.
        area.is_normal().then(|| Self { corners, normal: scaled(product, 1.0 / area), area })
    }

    /// The angle at a corner, in radians.
    fn angle(&self, side: usize, points: &[[f32; 3]]) -> f64 {
        let [at, next, last] =
            [side, (side + 1) % 3, (side + 2) % 3].map(|side| points[self.corners[side] as usize].map(f64::from));
        angle(sub(next, at), sub(last, at))
    }
}

/// Merges equal points, which a mesh made face by face has along its edges. Gives the points, and the index of each
/// vertex's point.
fn weld(vertices: &[[f32; 3]]) -> (Vec<[f32; 3]>, Vec<u32>) {
    let mut points = Vec::with_capacity(vertices.len());
    let mut seen = HashMap::with_capacity(vertices.len());
    let point_of = vertices.iter().map(|vertex| {
        // Adding 0 turns −0 into 0.
        let key = vertex.map(|coordinate| (coordinate + 0.0).to_bits());
        *seen.entry(key).or_insert_with(|| {
            points.push(*vertex);
            index(points.len() - 1)
        })
    });
    let point_of = point_of.collect();
    (points, point_of)
}

/// The groups of joined corners: a disjoint-set forest, in which each corner points towards the root of its group.
struct Groups(Vec<u32>);

impl Groups {
    fn new(corners: usize) -> Self {
        Self((0..index(corners)).collect())
    }

    fn of(&mut self, mut corner: u32) -> u32 {
        while self.0[corner as usize] != corner {
            self.0[corner as usize] = self.0[self.0[corner as usize] as usize];
            corner = self.0[corner as usize];
        }
        corner
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}

/// An index as the file formats store it. The largest mesh has six million corners.
fn index(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
