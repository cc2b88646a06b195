//! Finds the edges where triangles meet.

use super::vector::dot;
use super::{Facet, Triangle, index};

/// The number in place of the triangle beyond an open border.
pub const NO_TRIANGLE: u32 = u32::MAX;

/// A line between two vertices.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Indices of vertices.
    pub ends: [u32; 2],
    /// Indices of the triangles on both sides; the second may be `NO_TRIANGLE`.
    pub triangles: [u32; 2],
    /// A crease or a border. Otherwise the surface is smooth, and the line is visible only where it turns away.
    pub sharp: bool,
}

/// An edge between sides of triangles.
#[derive(Debug)]
pub struct Joint {
    /// Triangle × 3 + side, for two sides; the second may be `NO_TRIANGLE`.
    sides: [u32; 2],
    /// Exactly two triangles meet there, and are wound in the same direction.
    alike: bool,
    /// See `Edge`.
    pub sharp: bool,
}

impl Joint {
    /// The two pairs of corners that coincide, as triangle × 3 + corner. The joint must have two sides.
    pub fn corners(&self) -> [[u32; 2]; 2] {
        let [one, other] = self.sides;
        // Neighbours wound in the same direction follow their common edge in opposite directions.
        [[one, next(one)], [next(other), other]]
    }

    /// The edge, if the triangles of this part start at `first`.
    pub fn edge(&self, triangles: &[Triangle], first: u32) -> Edge {
        let [one, other] = self.sides;
        let vertex = |corner: u32| triangles[(first + corner / 3) as usize].corners[(corner % 3) as usize];
        let beyond = if other == NO_TRIANGLE { NO_TRIANGLE } else { first + other / 3 };
        Edge { ends: [vertex(one), vertex(next(one))], triangles: [first + one / 3, beyond], sharp: self.sharp }
    }
}

/// The corner after `corner` in its triangle, both as triangle × 3 + corner.
fn next(corner: u32) -> u32 {
    if corner % 3 == 2 { corner - 2 } else { corner + 1 }
}

/// One side of a triangle, by its end with the higher number.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    to: u32,
    side: u32,
    from_lower: bool,
}

/// Finds all edges. `points` is the number of points. Apart from sorting the sides at each point, time is linear.
pub fn joints(facets: &[Facet], points: usize, crease: f64) -> Vec<Joint> {
    // Sides by their lower point: first the count for each point, then the index of its first side.
    let ends = |corner: usize| {
        let corners = facets[corner / 3].corners;
        (corners[corner % 3], corners[(corner % 3 + 1) % 3])
    };
    let mut begins = vec![0_u32; points + 1];
    for corner in 0..facets.len() * 3 {
        let (from, to) = ends(corner);
        begins[from.min(to) as usize + 1] += 1;
    }
    for point in 0..points {
        begins[point + 1] += begins[point];
    }
    let mut sides = vec![Side::default(); facets.len() * 3];
    let mut free = begins.clone();
    for corner in 0..facets.len() * 3 {
        let (from, to) = ends(corner);
        let slot = &mut free[from.min(to) as usize];
        sides[*slot as usize] = Side { to: from.max(to), side: index(corner), from_lower: from < to };
        *slot += 1;
    }
    let mut joints = Vec::with_capacity(facets.len() * 3 / 2);
    for point in 0..points {
        let here = &mut sides[begins[point] as usize..begins[point + 1] as usize];
        here.sort_unstable_by_key(|side| (side.to, side.side));
        for meeting in here.chunk_by(|one, other| one.to == other.to) {
            joints.extend(joint(meeting, facets, crease));
        }
    }
    smooth_loose_creases(&mut joints, facets, points);
    joints
}

/// Makes creases smooth that end in the middle of a smooth surface. Edges of the model continue at both ends; the
/// others come from thin triangles of the tessellation.
fn smooth_loose_creases(joints: &mut [Joint], facets: &[Facet], points: usize) {
    let point = |corner: u32| facets[corner as usize / 3].corners[corner as usize % 3] as usize;
    let ends = |joint: &Joint| [point(joint.sides[0]), point(next(joint.sides[0]))];
    let mut sharp_at = vec![0_u32; points];
    for joint in joints.iter().filter(|joint| joint.sharp) {
        ends(joint).into_iter().for_each(|end| sharp_at[end] += 1);
    }
    for joint in joints.iter_mut().filter(|joint| joint.sharp && joint.alike) {
        joint.sharp = ends(joint).iter().all(|end| sharp_at[*end] > 1);
    }
}

/// Joins the triangles that meet in one edge. `None` for the invisible seam between two that are flat, but wound in
/// opposite directions.
fn joint(meeting: &[Side], facets: &[Facet], crease: f64) -> Option<Joint> {
    match meeting {
        [one, other] => {
            let [a, b] = [one, other].map(|side| facets[side.side as usize / 3].normal);
            let cosine = dot(a, b);
            let alike = one.from_lower != other.from_lower;
            let seam = !alike && -cosine >= crease;
            (!seam).then_some(Joint { sides: [one.side, other.side], alike, sharp: !alike || cosine < crease })
        }
        [one, ..] => Some(Joint { sides: [one.side, NO_TRIANGLE], alike: false, sharp: true }),
        [] => None,
    }
}
