use super::*;
use crate::mesh::sample::{cube, tube};

fn surface(part: Part) -> Surface {
    Surface::of(&Mesh { parts: vec![part] })
}

/// The same triangles, with three vertices of their own each.
fn apart(part: &Part) -> Part {
    let vertices = part.triangles.iter().flatten().map(|index| part.vertices[*index as usize]).collect();
    let triangles = (0..part.triangles.len()).map(|i| [0, 1, 2].map(|side| index(3 * i + side))).collect();
    Part { vertices, triangles, ..part.clone() }
}

#[test]
fn a_cube_has_four_vertices_a_face_and_twelve_edges() {
    for part in [cube(), apart(&cube())] {
        let surface = surface(part);
        assert_eq!(surface.vertices.len(), 24);
        assert_eq!(surface.edges.iter().filter(|edge| edge.sharp).count(), 12);
        assert_eq!(surface.edges.len(), 18);
    }
}

#[test]
fn a_tube_is_round() {
    for part in [tube(16), apart(&tube(16))] {
        let surface = surface(part);
        assert_eq!(surface.vertices.len(), 32);
        for Vertex { position, normal } in &surface.vertices {
            // Straight away from the axis, whichever diagonal divides the quads.
            for (coordinate, of_normal) in [(position[0] / 5.0, normal[0]), (position[1] / 5.0, normal[1])] {
                assert!((coordinate - of_normal).abs() < 1e-5, "{position:?} {normal:?}");
            }
        }
        assert_eq!(surface.edges.iter().filter(|edge| edge.sharp).count(), 32, "its two rims");
    }
}

#[test]
fn a_coarse_tube_has_edges() {
    assert_eq!(surface(tube(8)).vertices.len(), 32);
}

#[test]
fn a_sharp_tip_has_no_mean_normal() {
    let mut cone = tube(32);
    cone.vertices.iter_mut().filter(|vertex| vertex[2] > 0.0).for_each(|vertex| *vertex = [0.0, 0.0, 10.0]);
    let surface = surface(cone);
    assert_eq!(surface.triangles.len(), 32, "half of them have no area");
    assert_eq!(surface.vertices.len(), 64, "each has its own tip");
}

#[test]
fn a_loose_crease_is_smoothed() {
    // A flat sheet of 4 by 4 squares. With one inner point pushed up, all edges around it are sharp. With two
    // neighbours pushed up a little instead, only one diagonal would be.
    let at = |x: u32, y: u32| x + 5 * y;
    let vertices: Vec<[f32; 3]> = (0..25_u8).map(|i| [f32::from(i % 5), f32::from(i / 5), 0.0]).collect();
    let squares = (0..16).map(|i| (i % 4, i / 4));
    let triangles = squares.flat_map(|(x, y)| {
        let [a, b, c, d] = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
        [[a, b, c], [a, c, d]]
    });
    let mut sheet = Part { vertices, triangles: triangles.collect(), ..cube() };
    let inner = |part: &Part| {
        surface(part.clone()).edges.iter().filter(|edge| edge.sharp && edge.triangles[1] != u32::MAX).count()
    };
    sheet.vertices[12][2] = 1.0;
    assert!(inner(&sheet) > 6);
    sheet.vertices[12][2] = 0.0;
    for end in [at(1, 2), at(2, 1)] {
        sheet.vertices[end as usize][2] = 0.2;
    }
    assert_eq!(inner(&sheet), 0);
}

#[test]
fn runs_colour_triangles_in_order() {
    let (red, blue) = ([1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]);
    let surface = surface(Part { runs: vec![(2, red), (3, blue), (0, [0.5; 4]), (7, red)], ..cube() });
    let colours: Vec<u32> = surface.triangles.iter().map(|triangle| triangle.colour).collect();
    assert_eq!(colours, [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(&surface.palette[..2], [red, blue]);
}

#[test]
fn edges_of_three_and_turned_triangles_are_found() {
    let fin = Part {
        vertices: vec![[0.0; 3], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]],
        triangles: vec![[0, 1, 2], [0, 1, 3], [0, 1, 4]],
        ..cube()
    };
    assert_eq!(surface(fin).edges.iter().filter(|edge| edge.sharp).count(), 7);
    let turned = Part { triangles: vec![[0, 1, 3], [0, 2, 3]], ..cube() };
    let turned = surface(turned);
    assert_eq!(turned.edges.len(), 4, "a flat quad shows no diagonal");
    assert_eq!(turned.vertices.len(), 6);
}
