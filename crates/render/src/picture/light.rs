//! The brightness of a surface: a key light from the left and above, a fill light from the right, a sky that is
//! brighter than the ground, and a little gloss. Like FreeCAD's own view, it computes with sRGB values.

use super::raster::Pixel;
use crate::mesh::Colour;

// Directions to the lights in the axes of the model, with length 1. The viewer is at (0.62, −0.62, 0.48).
const KEY: [f32; 3] = [0.199, -0.696, 0.690];
const FILL: [f32; 3] = [0.894, -0.179, 0.411];
/// Halfway between the key light and the viewer: gloss appears on surfaces that face this way.
const GLOSS: [f32; 3] = [0.427, -0.685, 0.590];

/// The colour of a lit surface of `colour`, premultiplied by its alpha. `normal` may have any length.
pub fn lit([red, green, blue, alpha]: Colour, normal: [f32; 3]) -> Pixel {
    let shorter = 1.0 / dot(normal, normal).sqrt().max(f32::MIN_POSITIVE);
    let normal = normal.map(|part| part * shorter);
    let sky = 0.5 + 0.5 * normal[2];
    let light = 0.36 + 0.22 * sky + 0.46 * dot(normal, KEY).max(0.0) + 0.18 * dot(normal, FILL).max(0.0);
    // To the power of 32.
    let gloss = (0..5).fold(dot(normal, GLOSS).max(0.0), |shine, _| shine * shine) * 0.06;
    let channel = |value: f32| byte((value * light + gloss).min(1.0) * alpha);
    [channel(red), channel(green), channel(blue), byte(alpha)]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn byte(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}
