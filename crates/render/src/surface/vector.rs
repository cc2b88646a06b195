//! Arithmetic on three numbers, in f64: no square of an f32 overflows it.

/// A direction or a distance.
pub type Vector = [f64; 3];

/// `a` − `b`.
pub fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a` + `b`.
pub fn sum(a: Vector, b: Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// `a` times `by`.
pub fn scaled(a: Vector, by: f64) -> Vector {
    a.map(|part| part * by)
}

/// The scalar product.
pub fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector product.
pub fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The angle between two in radians; 0 where one of them has no length.
pub fn angle(a: Vector, b: Vector) -> f64 {
    let across = cross(a, b);
    // Exact for thin angles too, where a cosine is not.
    dot(across, across).sqrt().atan2(dot(a, b))
}
