//! A mesh made ready for drawing: its triangles meet in shared vertices, whose normals are smooth where the surface is
//! smooth and apart where it has an edge.
//!
//! Two triangles are joined smoothly when they share an edge under less than the crease angle; all that are joined so
//! around one point share one vertex there. A curved face so costs about half a vertex a triangle in the GLB, where
//! flat shading would cost three, and looks round in spite of its facets.

use std::collections::HashMap;
use std::ops::Range;

use super::mesh::{Colour, Mesh, Part};

mod edges;
mod vector;

pub use edges::Edge;
use vector::{Vector, angle, cross, dot, scaled, sub, sum};

/// The cosine of the crease angle, 32°: FreeCAD tessellates with steps of up to 0.5 rad, 28.6°, which must look round.
const CREASE: f64 = 0.848;

/// The cosine of 45°. A vertex whose triangles lie further from their mean than this is a cone's tip, say: there, a
/// mean says nothing about any of them, and each keeps its own normal.
const SPREAD: f64 = 0.707;

/// All parts' vertices, triangles and edges.
#[derive(Debug, Default)]
pub struct Surface {
    /// Each is a corner of at least one triangle.
    pub vertices: Vec<Vertex>,
    /// None without an area, as far as it can be told.
    pub triangles: Vec<Triangle>,
    /// Where two triangles meet or one ends.
    pub edges: Vec<Edge>,
    /// The different colours.
    pub palette: Vec<Colour>,
    /// Which vertices and triangles are whose; parts without triangles are left out.
    pub pieces: Vec<Piece>,
}

/// A point of the surface.
#[derive(Debug, Clone, Copy)]
pub struct Vertex {
    /// In millimetres, Z up.
    pub position: [f32; 3],
    /// Of length 1; outward where the triangles are wound so.
    pub normal: [f32; 3],
}

/// Three corners and a colour.
#[derive(Debug, Clone, Copy)]
pub struct Triangle {
    /// Indices of vertices, counter-clockwise from outside.
    pub corners: [u32; 3],
    /// Index of the colour in the palette.
    pub colour: u32,
}

/// What belongs to one part.
#[derive(Debug)]
pub struct Piece {
    /// The part's name for people.
    pub label: String,
    /// Its vertices; no other part uses them.
    pub vertices: Range<usize>,
    /// Its triangles.
    pub triangles: Range<usize>,
}

impl Surface {
    /// Prepares all parts of `mesh`. Linear in its size, whatever its shape; at most about
    /// 250 bytes of memory a triangle.
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

    /// Gives the corners of the triangles from `first` on their vertices: one for all that are joined around a point.
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
                // By area, so that a large flat face stays flat beside a fillet's first strip; and by angle, so that
                // it does not matter which diagonal divides a quad.
                let weight = facet.area * facet.angle(side, points);
                normals[group] = sum(normals[group], scaled(facet.normal, weight));
            }
        }
        let mut vertex_of = vec![u32::MAX; facets.len() * 3];
        for (i, facet) in facets.iter().enumerate() {
            for side in 0..3 {
                let group = groups.of(index(3 * i + side)) as usize;
                let length = dot(normals[group], normals[group]).sqrt();
                let mean = scaled(normals[group], 1.0 / length);
                let position = points[facet.corners[side] as usize];
                let vertex = if !length.is_normal() || dot(mean, facet.normal) < SPREAD {
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

/// A triangle between points, and what is computed of it once.
#[derive(Debug)]
struct Facet {
    corners: [u32; 3],
    normal: Vector,
    area: f64,
}

impl Facet {
    /// None when it has no area.
    fn new(corners: [u32; 3], points: &[[f32; 3]]) -> Option<Self> {
        let [a, b, c] = corners.map(|corner| points[corner as usize].map(f64::from));
        let product = cross(sub(b, a), sub(c, a));
        let area = dot(product, product).sqrt();
        // f64 holds the square of any product of two f32; a denormal area has no direction.
        area.is_normal().then(|| Self { corners, normal: scaled(product, 1.0 / area), area })
    }

    /// The angle at a corner, in radians.
    fn angle(&self, side: usize, points: &[[f32; 3]]) -> f64 {
        let [at, next, last] =
            [side, (side + 1) % 3, (side + 2) % 3].map(|side| points[self.corners[side] as usize].map(f64::from));
        angle(sub(next, at), sub(last, at))
    }
}

/// Points without repetition, and which of them each vertex is: a mesh made face by face repeats those of its edges.
fn weld(vertices: &[[f32; 3]]) -> (Vec<[f32; 3]>, Vec<u32>) {
    let mut points = Vec::with_capacity(vertices.len());
    let mut seen = HashMap::with_capacity(vertices.len());
    let point_of = vertices.iter().map(|vertex| {
        // Adding 0 makes one zero of two.
        let key = vertex.map(|coordinate| (coordinate + 0.0).to_bits());
        *seen.entry(key).or_insert_with(|| {
            points.push(*vertex);
            index(points.len() - 1)
        })
    });
    let point_of = point_of.collect();
    (points, point_of)
}

/// Which corners are joined: a forest in which each points towards its group's root.
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

/// An index as the file formats have it: six million corners, the most that a mesh may have, fit.
fn index(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
