//! Finds the triangle that each sample shows.

use std::ops::Range;

/// Premultiplied red, green and blue, and alpha.
pub type Pixel = [u8; 4];

/// The number for samples that show no triangle.
pub const NOTHING: u32 = u32::MAX;

/// Rows of samples in a band. A band of a usual picture fits into the cache of a core; the whole picture does not.
pub const BAND: usize = 64;

/// A band of the picture: full rows of samples, 2 by 2 per pixel.
#[derive(Debug)]
pub struct Canvas {
    /// Samples in a row.
    side: usize,
    /// The number of the first row in the picture.
    top: usize,
    rows: usize,
    /// How near the nearest opaque surface is, in samples; −∞ without one.
    depth: Vec<f32>,
    /// The number of its triangle, or `NOTHING`.
    seen: Vec<u32>,
    colour: Vec<Pixel>,
}

impl Canvas {
    /// An empty band at the top of a picture of `side` by `side` samples. `side` is even.
    pub fn new(side: usize) -> Self {
        let mut canvas = Self { side, top: 0, rows: 0, depth: Vec::new(), seen: Vec::new(), colour: Vec::new() };
        canvas.move_to(0);
        canvas
    }

    /// Starts the band from row `top` on, which is empty.
    pub fn move_to(&mut self, top: usize) {
        self.top = top;
        self.rows = BAND.min(self.side - top);
        let samples = self.rows * self.side;
        self.depth.clear();
        self.depth.resize(samples, f32::NEG_INFINITY);
        self.seen.clear();
        self.seen.resize(samples, NOTHING);
        self.colour.clear();
        self.colour.resize(samples, [0; 4]);
    }

    /// The numbers of its rows in the picture.
    pub fn rows(&self) -> Range<usize> {
        self.top..self.top + self.rows
    }

    /// How near the nearest opaque surface is, row by row.
    pub fn depth(&self) -> &[f32] {
        &self.depth
    }

    /// The colours, row by row.
    pub fn colour_mut(&mut self) -> &mut [Pixel] {
        &mut self.colour
    }

    /// Draws the depth of an opaque triangle, which hides everything behind it.
    pub fn draw_opaque(&mut self, number: u32, corners: [[f32; 3]; 3]) {
        let rows = self.rows();
        let (depth, seen) = (&mut self.depth, &mut self.seen);
        spans(self.side, rows, corners, |start, end, _, _, near, slope| {
            let samples = depth[start..end].iter_mut().zip(&mut seen[start..end]);
            for (i, (depth, seen)) in (0_i32..).zip(samples) {
                // No branch and no running sum, so that the compiler can vectorise it.
                let near = near + i as f32 * slope;
                let nearer = near > *depth;
                *depth = if nearer { near } else { *depth };
                *seen = if nearer { number } else { *seen };
            }
        });
    }

    /// Blends a transparent triangle over the samples where no opaque one hides it. `lit` gives the colour at a
    /// position.
    pub fn blend(&mut self, corners: [[f32; 3]; 3], mut lit: impl FnMut(f32, f32) -> Pixel) {
        let rows = self.rows();
        let (depth, colour) = (&self.depth, &mut self.colour);
        spans(self.side, rows, corners, |start, end, mut x, y, mut near, slope| {
            for (depth, colour) in depth[start..end].iter().zip(&mut colour[start..end]) {
                if near > *depth {
                    *colour = over(lit(x, y), *colour);
                }
                near += slope;
                x += 1.0;
            }
        });
    }

    /// Colours the opaque samples. `lit` gives the colour of a triangle at a position. The four samples of a pixel get
    /// one colour if they show the same triangle.
    pub fn light(&mut self, mut lit: impl FnMut(u32, f32, f32) -> Pixel) {
        let rows = self.seen.chunks_exact(2 * self.side).zip(self.colour.chunks_exact_mut(2 * self.side));
        for (row, (seen, colour)) in rows.enumerate() {
            let (upper, lower) = seen.split_at(self.side);
            let (upper_colour, lower_colour) = colour.split_at_mut(self.side);
            for (column, pair) in upper.chunks_exact(2).zip(lower.chunks_exact(2)).enumerate() {
                let (x, y, left) = (centre(2 * column, 2), centre(self.top + 2 * row, 2), 2 * column);
                let seen = [pair.0[0], pair.0[1], pair.1[0], pair.1[1]];
                let colours = if seen == [seen[0]; 4] {
                    if seen[0] == NOTHING {
                        continue;
                    }
                    [lit(seen[0], x, y); 4]
                } else {
                    let places = [(x - 0.5, y - 0.5), (x + 0.5, y - 0.5), (x - 0.5, y + 0.5), (x + 0.5, y + 0.5)];
                    [0, 1, 2, 3].map(|i| {
                        let (x, y) = places[i];
                        if seen[i] == NOTHING { [0; 4] } else { lit(seen[i], x, y) }
                    })
                };
                upper_colour[left..left + 2].copy_from_slice(&colours[..2]);
                lower_colour[left..left + 2].copy_from_slice(&colours[2..]);
            }
        }
    }

    /// Appends its pixels to the picture: the mean of four samples each, no longer premultiplied.
    pub fn average_into(&self, picture: &mut Vec<u8>) {
        for rows in self.colour.chunks_exact(2 * self.side) {
            let (upper, lower) = rows.split_at(self.side);
            picture.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).flat_map(|(upper, lower)| {
                let samples = [upper[0], upper[1], lower[0], lower[1]];
                let alike = upper[0] == upper[1] && lower[0] == lower[1] && upper[0] == lower[0];
                // Most pixels have one colour and are opaque or empty, so premultiplication does not change them.
                if alike && matches!(upper[0][3], 0 | u8::MAX) { upper[0] } else { mean(samples) }
            }));
        }
    }
}

/// About how many samples a triangle fills, hidden ones included.
pub fn work(corners: [[f32; 3]; 3]) -> u64 {
    let [a, b, c] = corners.map(|corner| corner[1]);
    let height = a.max(b).max(c) - a.min(b).min(c);
    // Neither is negative, or more than a few millions.
    (twice_area(corners).abs() / 2.0 + height) as u64 + 4
}

/// Calls `fill` for each of the `rows` with the samples whose centres lie in the triangle: the index of the first in
/// the band, the index after the last, x and y of the first, how near it is, and how much nearer each next one is.
///
/// Triangles that share an edge leave no gap and share no sample.
fn spans(
    side: usize,
    rows: Range<usize>,
    corners: [[f32; 3]; 3],
    mut fill: impl FnMut(usize, usize, f32, f32, f32, f32),
) {
    let Some(plane) = Plane::new(corners, corners.map(|corner| [0.0, 0.0, corner[2]])) else { return };
    let [mut top, mut middle, mut bottom] = corners;
    // From top to bottom, then from left to right, so that neighbours compute a shared edge in the same way.
    let below = |a: [f32; 3], b: [f32; 3]| (a[1], a[0]) > (b[1], b[0]);
    if below(top, middle) {
        (top, middle) = (middle, top);
    }
    if below(middle, bottom) {
        (middle, bottom) = (bottom, middle);
    }
    if below(top, middle) {
        (top, middle) = (middle, top);
    }
    let side_row =
        |from: [f32; 3], to: [f32; 3], y: f32| from[0] + (y - from[1]) * ((to[0] - from[0]) / (to[1] - from[1]));
    for row in first_inside(top[1], side).max(rows.start)..first_inside(bottom[1], side).min(rows.end) {
        let y = centre(row, 1);
        let long = side_row(top, bottom, y);
        let short = if y < middle[1] { side_row(top, middle, y) } else { side_row(middle, bottom, y) };
        let (start, end) = (first_inside(long.min(short), side), first_inside(long.max(short), side));
        if start < end {
            let x = centre(start, 1);
            let before = (row - rows.start) * side;
            fill(before + start, before + end, x, y, plane.at(x, y)[2], plane.right[2]);
        }
    }
}

/// The first sample whose centre lies after `at`.
fn first_inside(at: f32, side: usize) -> usize {
    // The cast rounds down. `ceil` would call the C library.
    ((at + 0.5) as usize).min(side)
}

/// The middle of `width` samples from `first`.
fn centre(first: usize, width: usize) -> f32 {
    first as f32 + width as f32 / 2.0
}

/// Whether the viewer sees the triangle counter-clockwise, which means from outside.
pub fn faces_viewer(corners: [[f32; 3]; 3]) -> bool {
    // Down is positive here, which reverses the direction.
    twice_area(corners) < 0.0
}

fn twice_area([a, b, c]: [[f32; 3]; 3]) -> f32 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Three values that change evenly over a triangle.
#[derive(Debug)]
pub struct Plane {
    corner: [f32; 2],
    values: [f32; 3],
    /// Their change from one sample to the next on the right.
    pub right: [f32; 3],
    /// Their change from one sample to the next below.
    pub down: [f32; 3],
}

impl Plane {
    /// From the values at the corners. `None` if the triangle is too thin to contain a sample.
    pub fn new([a, b, c]: [[f32; 3]; 3], values: [[f32; 3]; 3]) -> Option<Self> {
        let (ux, uy, vx, vy) = (b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]);
        let twice_area = twice_area([a, b, c]);
        if twice_area.abs() < 1e-6 {
            return None;
        }
        let slope = |i: usize| {
            let (u, v) = (values[1][i] - values[0][i], values[2][i] - values[0][i]);
            ((u * vy - v * uy) / twice_area, (v * ux - u * vx) / twice_area)
        };
        let slopes = [slope(0), slope(1), slope(2)];
        Some(Self { corner: [a[0], a[1]], values: values[0], right: slopes.map(|s| s.0), down: slopes.map(|s| s.1) })
    }

    /// Whether the values are the same everywhere.
    pub fn is_level(&self) -> bool {
        self.right == [0.0; 3] && self.down == [0.0; 3]
    }

    /// The values at a position.
    pub fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let (x, y) = (x - self.corner[0], y - self.corner[1]);
        [0, 1, 2].map(|i| self.values[i] + x * self.right[i] + y * self.down[i])
    }
}

/// Blends `front` over `back`.
pub fn over(front: Pixel, back: Pixel) -> Pixel {
    let rest = 255 - u32::from(front[3]);
    [0, 1, 2, 3].map(|i| {
        let through = (u32::from(back[i]) * rest + 127) / 255;
        u8::try_from(u32::from(front[i]) + through).unwrap_or(u8::MAX)
    })
}

/// The mean of four premultiplied samples, no longer premultiplied.
fn mean(samples: [Pixel; 4]) -> Pixel {
    let [red, green, blue, alpha] =
        [0, 1, 2, 3].map(|i| samples.iter().map(|sample| u32::from(sample[i])).sum::<u32>());
    let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    match alpha {
        0 => [0; 4],
        // Most pixels are opaque, and dividing by a constant is cheap.
        1020 => [red, green, blue, alpha].map(|channel| byte((channel + 2) / 4)),
        _ => {
            let [red, green, blue] = [red, green, blue].map(|channel| byte((channel * 255 + alpha / 2) / alpha));
            [red, green, blue, byte((alpha + 2) / 4)]
        }
    }
}
