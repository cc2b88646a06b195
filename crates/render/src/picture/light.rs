//! How bright a surface is: a key light from the left and above, a fill light from the right, a brighter sky than
//! ground, and a little gloss. As in FreeCAD's own view, all of it is reckoned on sRGB values.

use super::super::mesh::Colour;
use super::raster::Pixel;

// Directions towards the lights, in the model's axes, of length 1. The viewer stands at (0.62, −0.62, 0.48).
const KEY: [f32; 3] = [0.199, -0.696, 0.690];
const FILL: [f32; 3] = [0.894, -0.179, 0.411];
/// Between the key light and the viewer: where gloss shows.
const GLOSS: [f32; 3] = [0.427, -0.685, 0.590];

/// What an opaque or see-through surface of `colour` looks like where `normal` stands on it, which needs no particular
/// length. Premultiplied by the colour's alpha.
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
