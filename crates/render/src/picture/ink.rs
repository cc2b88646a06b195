//! The thin dark lines along edges and outlines, which make a grey part readable.
//!
//! Lines follow creases, borders, and the places where the surface turns away from the viewer. The ink of a sample
//! depends on its distance from the line, so lines are smooth; ink does not add up where lines meet. Something nearer
//! hides a line if it is nearer by more than the line's own two surfaces rise beside it. A crease between triangles of
//! a pixel or two is roughness, not an edge, and gets no ink.

use std::ops::Range;

use super::raster::{BAND, Canvas, Pixel, Plane, faces_viewer, over};
use crate::surface::{Edge, Surface};

/// The opacity of the ink on opaque parts, and around them.
pub const SOLID: f32 = 0.72;
/// Its opacity on transparent parts.
pub const CLEAR: f32 = 0.42;

/// Red, green and blue.
const INK_COLOUR: [f32; 3] = [22.0, 25.0, 31.0];
/// Half the width of a line, in samples.
const HALF_WIDTH: f32 = 1.0;
/// The largest distance of ink from the middle of a line, in samples.
const REACH: f32 = HALF_WIDTH + 0.5;
/// The steepest rise, in samples per sample, by which a line is brought forward. The rise of a surface seen edge-on is
/// infinite.
const MAX_RISE: f32 = 3.0;
/// A crease gets no ink if the longest side of its triangles is shorter than this, in samples.
const ROUGH_SIDE: f32 = 4.0;
/// From `ROUGH_SIDE` on, the ink increases over this many samples.
const ROUGH_FADE: f32 = 8.0;

/// A line to draw, with its ends in samples.
#[derive(Debug)]
pub struct Line {
    from: [f32; 3],
    to: [f32; 3],
    /// Something must be this much nearer than the line to hide it, in samples.
    bias: f32,
    /// The amount of ink, at most 1.
    strength: f32,
}

impl Line {
    /// The line along `edge`. `None` if the surface is smooth or rough there.
    pub fn along(edge: &Edge, surface: &Surface, points: &[[f32; 3]]) -> Option<Self> {
        let triangles = edge.triangles.map(|triangle| {
            let triangle = surface.triangles.get(triangle as usize)?;
            Some(triangle.corners.map(|corner| points[corner as usize]))
        });
        let turns_away = || match triangles {
            [Some(one), Some(other)] => faces_viewer(one) != faces_viewer(other),
            _ => false,
        };
        if !edge.sharp && !turns_away() {
            return None;
        }
        let sides = triangles.map(|corners| corners.map(Side::new));
        let rise = sides.iter().flatten().map(|side| side.rise).fold(0.0, f32::max);
        let longest = sides.iter().flatten().map(|side| side.longest).fold(0.0, f32::max);
        let rough = edge.sharp && sides[1].is_some();
        let strength = if rough { ((longest - ROUGH_SIDE) / ROUGH_FADE).clamp(0.0, 1.0) } else { 1.0 };
        let [from, to] = edge.ends.map(|end| points[end as usize]);
        (strength > 0.0).then_some(Self { from, to, bias: 1.0 + REACH * rise.min(MAX_RISE), strength })
    }

    /// The vertical range where it may leave ink.
    pub fn rows(&self) -> [f32; 2] {
        [self.from[1].min(self.to[1]) - 2.0 * REACH, self.from[1].max(self.to[1]) + 2.0 * REACH]
    }

    /// About how many samples drawing it reads: some thousands at most.
    pub fn work(&self) -> u64 {
        (length([self.to[0] - self.from[0], self.to[1] - self.from[1]]) * 4.0) as u64 + 16
    }
}

/// The amount of ink on each sample of a band.
#[derive(Debug)]
pub struct Ink {
    side: usize,
    amount: Vec<u8>,
}

impl Ink {
    /// No ink, on a band of a picture of `side` by `side` samples.
    pub fn new(side: usize) -> Self {
        Self { side, amount: vec![0; side * BAND] }
    }

    /// Moves the ink to the canvas, with the opacity `strength`.
    pub fn apply(&mut self, canvas: &mut Canvas, strength: f32) {
        let inks: Vec<Pixel> = (0..=u8::MAX).map(|amount| ink(f32::from(amount) / 255.0 * strength)).collect();
        // Most samples have no ink, so it checks one cache line of them at a time.
        for (pixels, amounts) in canvas.colour_mut().chunks_mut(64).zip(self.amount.chunks_mut(64)) {
            if amounts.iter().fold(0, |any, amount| any | amount) == 0 {
                continue;
            }
            for (pixel, amount) in pixels.iter_mut().zip(amounts) {
                if *amount > 0 {
                    *pixel = over(inks[usize::from(*amount)], *pixel);
                    *amount = 0;
                }
            }
        }
    }

    /// Draws the visible part of a line on the canvas's band. It steps along the longer of the line's two directions,
    /// and across the line at each step.
    pub fn draw(&mut self, line: &Line, canvas: &Canvas) {
        let Line { from, to, bias, strength } = *line;
        let (rows, depth) = (canvas.rows(), canvas.depth());
        let (dx, dy, dz) = (to[0] - from[0], to[1] - from[1], to[2] - from[2]);
        let square = dx * dx + dy * dy;
        let inverse = if square > 0.0 { 1.0 / square } else { 0.0 };
        let (along, across) = if dx.abs() >= dy.abs() { (0, 1) } else { (1, 0) };
        let (step, lean) = if along == 0 { (dx, dy) } else { (dy, dx) };
        // A line towards the viewer is a dot, so its steps have no direction.
        let lean = if step == 0.0 { 0.0 } else { lean / step };
        let reach = REACH * length([lean, 1.0]);
        let limits = if along == 0 { [0..self.side, rows.clone()] } else { [rows.clone(), 0..self.side] };
        let mut stretch = [from[along].min(to[along]) - REACH, from[along].max(to[along]) + REACH];
        if along == 0 && lean.abs() > 1e-3 {
            // Only the part of a flat line that lies in the band.
            let ends = [centre(rows.start) - reach - 1.0, centre(rows.end) + reach + 1.0];
            let [one, other] = ends.map(|y| from[0] + (y - from[1]) / lean);
            stretch = [stretch[0].max(one.min(other)), stretch[1].min(one.max(other))];
        }
        for i in samples(stretch, &limits[0]) {
            let middle = from[across] + (centre(i) - from[along]) * lean;
            for j in samples([middle - reach, middle + reach], &limits[1]) {
                let [x, y] = if along == 0 { [i, j] } else { [j, i] };
                let (px, py) = (centre(x) - from[0], centre(y) - from[1]);
                let part = ((px * dx + py * dy) * inverse).clamp(0.0, 1.0);
                let distance = length([px - part * dx, py - part * dy]);
                let at = (y - rows.start) * self.side + x;
                if distance < REACH && from[2] + part * dz + bias >= depth[at] {
                    let amount = byte((REACH - distance).min(1.0) * strength * 255.0);
                    self.amount[at] = self.amount[at].max(amount);
                }
            }
        }
    }
}

/// The samples with centres between two positions, and within `limits`.
fn samples([first, last]: [f32; 2], limits: &Range<usize>) -> Range<usize> {
    // The cast rounds down, and turns negative values into 0.
    let sample = |at: f32| ((at + 0.5) as usize).clamp(limits.start, limits.end);
    sample(first)..sample(last)
}

/// One of the two surfaces beside a line.
#[derive(Debug, Clone, Copy)]
struct Side {
    /// How much nearer it gets from one sample to the next, at most.
    rise: f32,
    /// The length of its longest side, in samples.
    longest: f32,
}

impl Side {
    fn new(corners: [[f32; 3]; 3]) -> Self {
        let plane = Plane::new(corners, corners);
        let rise = plane.as_ref().map_or(f32::INFINITY, |plane| length([plane.right[2], plane.down[2]]));
        let [a, b, c] = corners;
        let apart = |from: [f32; 3], to: [f32; 3]| length([to[0] - from[0], to[1] - from[1]]);
        let longest = apart(a, b).max(apart(b, c)).max(apart(c, a));
        Self { rise, longest }
    }
}

/// Four times as fast as `hypot`, which also handles huge numbers. There are none here.
fn length([x, y]: [f32; 2]) -> f32 {
    (x * x + y * y).sqrt()
}

fn ink(opacity: f32) -> Pixel {
    let [red, green, blue] = INK_COLOUR.map(|channel| byte(channel * opacity));
    [red, green, blue, byte(opacity * 255.0)]
}

fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

fn centre(sample: usize) -> f32 {
    sample as f32 + 0.5
}
