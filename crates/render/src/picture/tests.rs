use super::raster::Pixel;
use super::*;
use crate::mesh::sample::{GREY, cube, tube};
use crate::mesh::{Mesh, Part};

const SIZE: usize = 128;

fn painted(parts: Vec<Part>) -> Option<Vec<Pixel>> {
    let pixels = paint(&Surface::of(&Mesh { parts }), u32::try_from(SIZE).unwrap())?;
    Some(pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2], pixel[3]]).collect())
}

fn at(pixels: &[Pixel], x: usize, y: usize) -> Pixel {
    pixels[y * SIZE + x]
}

/// Points well inside the three visible faces of a cube.
const TOP: (usize, usize) = (64, 30);
const FRONT: (usize, usize) = (35, 80);
const RIGHT: (usize, usize) = (93, 80);

#[test]
fn a_cube_shows_its_top_front_and_right() {
    let pixels = painted(vec![cube()]).unwrap();
    for (x, y) in [(0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1)] {
        assert_eq!(at(&pixels, x, y), [0; 4]);
    }
    let [top, front, right] = [TOP, FRONT, RIGHT].map(|(x, y)| at(&pixels, x, y));
    assert!(top[0] > front[0] && front[0] > right[0], "{top:?} {front:?} {right:?}");
    for face in [top, front, right] {
        // A grey near the part's own 204.
        assert!(face[3] == 255 && face[0] == face[2] && (110..240).contains(&face[0]), "{face:?}");
    }
}

#[test]
fn the_model_fills_the_picture_except_a_margin() {
    for parts in [vec![cube()], vec![tube(24)]] {
        let pixels = painted(parts).unwrap();
        let seen: Vec<usize> = (0..pixels.len()).filter(|i| pixels[*i][3] > 0).collect();
        let rows = (seen[0] / SIZE, seen[seen.len() - 1] / SIZE);
        let columns = seen.iter().map(|i| i % SIZE);
        let extent = (rows.1 - rows.0).max(columns.clone().max().unwrap() - columns.min().unwrap());
        assert!((110..=118).contains(&extent), "{extent} of {SIZE}");
    }
}

#[test]
fn faces_are_coloured_and_lit_on_both_sides() {
    let (red, green) = ([0.9, 0.1, 0.1, 1.0], [0.1, 0.9, 0.1, 1.0]);
    // The second face of the sample is its top, the third its front.
    let part = Part { runs: vec![(2, GREY), (2, red), (2, green), (6, GREY)], ..cube() };
    let outside = painted(vec![part.clone()]).unwrap();
    let top = at(&outside, TOP.0, TOP.1);
    let front = at(&outside, FRONT.0, FRONT.1);
    assert!(top[0] > 180 && top[1] < 60, "{top:?}");
    assert!(front[1] > 120 && front[0] < 60, "{front:?}");
    let mirrored = Part { triangles: part.triangles.iter().map(|[a, b, c]| [*a, *c, *b]).collect(), ..part };
    let inside_out = painted(vec![mirrored]).unwrap();
    for (x, y) in [TOP, FRONT, RIGHT] {
        assert_eq!(at(&inside_out, x, y), at(&outside, x, y));
    }
}

#[test]
fn only_visible_edges_are_inked() {
    let pixels = painted(vec![cube()]).unwrap();
    // The upright edge between front and right, and the top of the hidden one behind it.
    let darkest = |row: usize| (56..72).map(|x| at(&pixels, x, row)[0]).min().unwrap();
    assert!(darkest(90) < 110, "{}", darkest(90));
    assert!(darkest(24) > 160, "{}", darkest(24));
}

#[test]
fn glass_shows_the_part_behind_it() {
    let red = Part { base: [0.9, 0.1, 0.1, 1.0], ..cube() };
    let glass = Part {
        base: [0.1, 0.1, 0.9, 0.4],
        vertices: cube().vertices.iter().map(|vertex| vertex.map(|part| part * 1.4 - 2.0)).collect(),
        ..cube()
    };
    let alone = painted(vec![glass.clone()]).unwrap();
    let both = painted(vec![glass, red]).unwrap();
    let (alone, both) = (at(&alone, FRONT.0 + 10, FRONT.1), at(&both, FRONT.0 + 10, FRONT.1));
    assert!((100..250).contains(&alone[3]) && alone[2] > alone[0], "{alone:?}");
    assert!(both[3] == 255 && both[0] > 60 && both[2] > 40, "{both:?}");
}

#[test]
fn flat_tiny_and_huge_models_are_drawn() {
    let flat = |axis: usize| {
        let mut part = cube();
        part.vertices.iter_mut().for_each(|vertex| vertex[axis] = 0.0);
        part
    };
    let scaled = |by: f32| {
        let vertices = cube().vertices.iter().map(|vertex| vertex.map(|part| part * by)).collect();
        Part { vertices, ..cube() }
    };
    // The view shows it exactly edge-on, as a line.
    let mut edge_on = flat(1);
    edge_on.vertices.iter_mut().for_each(|vertex| vertex[1] = -vertex[0]);
    for part in [flat(0), flat(1), flat(2), scaled(1e-12), scaled(1e30), edge_on] {
        let pixels = painted(vec![part]).unwrap();
        assert!(pixels.iter().any(|pixel| pixel[3] > 80));
    }
}

#[test]
fn an_empty_model_has_no_picture() {
    let point = Part { vertices: vec![[3.0; 3]; 8], ..cube() };
    let line = Part { triangles: vec![[0, 1, 1]], ..cube() };
    for parts in [vec![], vec![point], vec![line]] {
        assert!(painted(parts).is_none());
    }
}

#[test]
fn too_much_work_gives_no_picture() {
    // Some thousand samples per triangle.
    let triangles = (0..20_000).flat_map(|_| cube().triangles).collect();
    assert!(painted(vec![Part { triangles, ..cube() }]).is_none());
}

#[test]
fn the_png_has_the_requested_size() {
    for (asked, given) in [(64, 64), (0, 16), (u32::MAX, 1024)] {
        let png = draw(&Surface::of(&Mesh { parts: vec![cube()] }), asked).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height, frame.color_type), (given, given, png::ColorType::Rgba));
        assert_eq!(pixels[..4], [0; 4]);
    }
}
