//! Which triangle is seen where.

use std::ops::Range;

/// Premultiplied red, green and blue, and alpha.
pub type Pixel = [u8; 4];

/// Stands for the triangle where none is seen.
pub const NOTHING: u32 = u32::MAX;

/// The most rows of samples in a band. A band of a usual picture fits into a core's own cache, which the whole picture
/// does not.
pub const BAND: usize = 64;

/// A band of the picture: full rows of samples, two along each side of a pixel.
#[derive(Debug)]
pub struct Canvas {
    /// Samples in a row.
    side: usize,
    /// The first row's number in the picture.
    top: usize,
    rows: usize,
    /// How near the nearest opaque surface is, in samples; −∞ where there is none.
    depth: Vec<f32>,
    /// Which triangle that is, or `NOTHING`.
    seen: Vec<u32>,
    colour: Vec<Pixel>,
}

impl Canvas {
    /// An empty one at the top of a picture of `side` by `side` samples, an even number.
    pub fn new(side: usize) -> Self {
        let mut canvas = Self { side, top: 0, rows: 0, depth: Vec::new(), seen: Vec::new(), colour: Vec::new() };
        canvas.move_to(0);
        canvas
    }

    /// Empties it for the band from row `top` on.
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

    /// The rows it has, by their numbers in the picture.
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

    /// Lets an opaque triangle hide what lies behind it.
    pub fn hide_behind(&mut self, number: u32, corners: [[f32; 3]; 3]) {
        let rows = self.rows();
        let (depth, seen) = (&mut self.depth, &mut self.seen);
        spans(self.side, rows, corners, |start, end, _, _, near, slope| {
            let samples = depth[start..end].iter_mut().zip(&mut seen[start..end]);
            for (i, (depth, seen)) in (0_i32..).zip(samples) {
                // Without a branch and without a running sum, so that the compiler can take several at once.
                let near = near + i as f32 * slope;
                let nearer = near > *depth;
                *depth = if nearer { near } else { *depth };
                *seen = if nearer { number } else { *seen };
            }
        });
    }

    /// Blends a see-through triangle over what is there, where no opaque one hides it; `lit` gives the colour at a
    /// place.
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

    /// Colours what is seen: `lit` gives a triangle's colour at a place. One colour for a pixel's four samples where
    /// they show the same triangle.
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

    /// Adds its pixels to the picture: the mean of each one's four samples, no longer premultiplied.
    pub fn average_into(&self, picture: &mut Vec<u8>) {
        for rows in self.colour.chunks_exact(2 * self.side) {
            let (upper, lower) = rows.split_at(self.side);
            picture.extend(upper.chunks_exact(2).zip(lower.chunks_exact(2)).flat_map(|(upper, lower)| {
                let samples = [upper[0], upper[1], lower[0], lower[1]];
                let alike = upper[0] == upper[1] && lower[0] == lower[1] && upper[0] == lower[0];
                // Most pixels are of one colour, and opaque or empty, which premultiplication leaves as it is.
                if alike && matches!(upper[0][3], 0 | u8::MAX) { upper[0] } else { mean(samples) }
            }));
        }
    }
}

/// About how many samples a triangle fills, hidden ones too.
pub fn work(corners: [[f32; 3]; 3]) -> u64 {
    let [a, b, c] = corners.map(|corner| corner[1]);
    let height = a.max(b).max(c) - a.min(b).min(c);
    // Neither can be negative, nor more than a few millions.
    (twice_area(corners).abs() / 2.0 + height) as u64 + 4
}

/// Calls `fill` with each of the `rows` of samples whose centres lie in the triangle: the first one's index in the
/// band, the index after the last, the first one's x and y, how near it is, and how much nearer each next one.
/// Triangles that share an edge leave no gap and share no sample.
fn spans(
    side: usize,
    rows: Range<usize>,
    corners: [[f32; 3]; 3],
    mut fill: impl FnMut(usize, usize, f32, f32, f32, f32),
) {
    let Some(plane) = Plane::new(corners, corners.map(|corner| [0.0, 0.0, corner[2]])) else { return };
    let [mut top, mut middle, mut bottom] = corners;
    // In order of height; of two alike the left one first, so that neighbours compute a shared edge alike.
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
    // The cast cuts off; rounding up by name would be a call into the C library.
    ((at + 0.5) as usize).min(side)
}

/// The middle of `width` samples from `first`.
fn centre(first: usize, width: usize) -> f32 {
    first as f32 + width as f32 / 2.0
}

/// Whether a triangle shows the viewer the side from which it is counter-clockwise.
pub fn faces_viewer(corners: [[f32; 3]; 3]) -> bool {
    // Down is positive here, which turns it round.
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
    /// How much they change from a sample to the next on the right.
    pub right: [f32; 3],
    /// How much they change from a sample to the next below.
    pub down: [f32; 3],
}

impl Plane {
    /// From the values at the corners. None when the triangle is too thin for any sample to lie in it.
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

    /// The values are the same everywhere.
    pub fn is_level(&self) -> bool {
        self.right == [0.0; 3] && self.down == [0.0; 3]
    }

    /// The values at a place.
    pub fn at(&self, x: f32, y: f32) -> [f32; 3] {
        let (x, y) = (x - self.corner[0], y - self.corner[1]);
        [0, 1, 2].map(|i| self.values[i] + x * self.right[i] + y * self.down[i])
    }
}

/// `front` on top of `back`.
pub fn over(front: Pixel, back: Pixel) -> Pixel {
    let rest = 255 - u32::from(front[3]);
    [0, 1, 2, 3].map(|i| {
        let through = (u32::from(back[i]) * rest + 127) / 255;
        u8::try_from(u32::from(front[i]) + through).unwrap_or(u8::MAX)
    })
}

/// The mean of four premultiplied samples, without the multiplication.
fn mean(samples: [Pixel; 4]) -> Pixel {
    let [red, green, blue, alpha] =
        [0, 1, 2, 3].map(|i| samples.iter().map(|sample| u32::from(sample[i])).sum::<u32>());
    let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    match alpha {
        0 => [0; 4],
        // Most pixels are opaque, and a division by what is known is cheap.
        1020 => [red, green, blue, alpha].map(|channel| byte((channel + 2) / 4)),
        _ => {
            let [red, green, blue] = [red, green, blue].map(|channel| byte((channel * 255 + alpha / 2) / alpha));
            [red, green, blue, byte((alpha + 2) / 4)]
        }
    }
}
