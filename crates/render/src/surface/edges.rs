//! Where triangles meet.

use super::vector::dot;
use super::{Facet, Triangle, index};

/// Stands for the triangle that is not on the other side of an open border.
pub const NO_TRIANGLE: u32 = u32::MAX;

/// A line between two vertices.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Indices of vertices.
    pub ends: [u32; 2],
    /// Indices of the triangles on its two sides; the second may be `NO_TRIANGLE`.
    pub triangles: [u32; 2],
    /// The surface ends or has a crease there; else it is smooth, and visible only where it turns away.
    pub sharp: bool,
}

/// An edge as the triangles' sides have it.
#[derive(Debug)]
pub struct Joint {
    /// Triangle × 3 + side, of two triangles' sides; the second may be `NO_TRIANGLE`.
    sides: [u32; 2],
    /// It is between just two triangles, which are wound alike.
    alike: bool,
    /// See `Edge`.
    pub sharp: bool,
}

impl Joint {
    /// The two pairs of corners that lie on each other, as triangle × 3 + corner. Only of one that has two sides.
    pub fn corners(&self) -> [[u32; 2]; 2] {
        let [one, other] = self.sides;
        // Neighbours that are wound alike run along their edge in opposite directions.
        [[one, next(one)], [next(other), other]]
    }

    /// The edge, for triangles of which those of this part start at `first`.
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

/// One triangle's side, by the points at its ends.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    to: u32,
    side: u32,
    from_lower: bool,
}

/// All edges between `points` many points. It takes the time of sorting the sides at one point, however many they are.
pub fn joints(facets: &[Facet], points: usize, crease: f64) -> Vec<Joint> {
    // Sides by their lower point: first how many each has, then where each one's begin.
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
    forget_loose(&mut joints, facets, points);
    joints
}

/// Takes creases that end in the middle of a smooth surface for smooth: an edge of the model goes on at both ends, and
/// what does not is a crooked sliver of the tessellation.
fn forget_loose(joints: &mut [Joint], facets: &[Facet], points: usize) {
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

/// What the triangles that meet in one edge make of it; none for the invisible seam between two that are wound
/// differently but lie flat.
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
