//! Projects points of the model into the picture.

use crate::surface::Surface;

/// The direction from the model to the viewer: front, right and above. It is a little lower than an isometric view, so
/// that the top does not take more of the picture than the front.
const VIEWER: [f64; 3] = [1.0, -1.0, 0.8];
/// The direction to the right in the picture.
const RIGHT: [f64; 3] = [std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::FRAC_1_SQRT_2, 0.0];

/// The part of the picture that stays empty on each side.
const MARGIN: f64 = 0.06;

/// A parallel projection. The unit of all three axes is the width of one sample.
#[derive(Debug)]
pub struct Camera {
    right: [f64; 3],
    down: [f64; 3],
    near: [f64; 3],
    /// The middle of the model along right, down and near, in millimetres.
    middle: [f64; 3],
    /// Samples per millimetre.
    scale: f64,
    /// Half the side of the picture in samples.
    half: f64,
}

impl Camera {
    /// The camera that shows the whole surface in a picture of `side` samples. `None` if the surface has no extent, or
    /// one that f64 cannot hold.
    pub fn fitted(surface: &Surface, side: usize) -> Option<Self> {
        let near = unit(VIEWER);
        let [[rx, ry, rz], [nx, ny, nz]] = [RIGHT, near];
        let down = [ry * nz - rz * ny, rz * nx - rx * nz, rx * ny - ry * nx];
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for vertex in &surface.vertices {
            for (i, axis) in [RIGHT, down, near].into_iter().enumerate() {
                let along = dot(axis, vertex.position.map(f64::from));
                low[i] = low[i].min(along);
                high[i] = high[i].max(along);
            }
        }
        let extent = (high[0] - low[0]).max(high[1] - low[1]);
        let side = f64::from(u32::try_from(side).ok()?);
        let scale = side * (1.0 - 2.0 * MARGIN) / extent;
        let middle = [0, 1, 2].map(|i| (low[i] + high[i]) / 2.0);
        (extent > 0.0 && scale.is_normal()).then_some(Self {
            right: RIGHT,
            down,
            near,
            middle,
            scale,
            half: side / 2.0,
        })
    }

    /// The position of a point in samples: right and down from the picture's corner, and near, which increases towards
    /// the viewer and is 0 in the middle of the model.
    pub fn place(&self, position: [f32; 3]) -> [f32; 3] {
        let position = position.map(f64::from);
        let along = |i: usize, axis: [f64; 3]| (dot(axis, position) - self.middle[i]) * self.scale;
        let place = [along(0, self.right) + self.half, along(1, self.down) + self.half, along(2, self.near)];
        place.map(|coordinate| coordinate as f32)
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|part| part / length)
}
