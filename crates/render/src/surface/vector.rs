//! Vector arithmetic in f64, in which the square of an f32 cannot overflow.

/// A direction or a distance.
pub type Vector = [f64; 3];

pub fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn add(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub fn scaled(a: Vector, by: f64) -> Vector {
    a.map(|part| part * by)
}

pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The angle in radians; 0 if one of them has no length.
pub fn angle(a: Vector, b: Vector) -> f64 {
    let across = cross(a, b);
    // Unlike the cosine, this is exact for small angles too.
    dot(across, across).sqrt().atan2(dot(a, b))
}
