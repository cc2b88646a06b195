//! Areas and volumes for the calculations of several examples.

use std::f64::consts::PI;

/// Integrates `value` numerically from `start` to `end`.
pub fn integral(start: f64, end: f64, value: impl Fn(f64) -> f64) -> f64 {
    const STEPS: u32 = 20_000;
    let step = (end - start) / f64::from(STEPS);
    (0..STEPS).map(|number| value(start + (f64::from(number) + 0.5) * step)).sum::<f64>() * step
}

/// The area of a circle.
pub fn disc(diameter: f64) -> f64 {
    PI * diameter * diameter / 4.0
}

/// The volume of a cylinder.
pub fn rod(diameter: f64, length: f64) -> f64 {
    disc(diameter) * length
}

/// The volume that a countersink of 90° removes beside the hole itself.
pub fn countersink(hole: f64, head: f64) -> f64 {
    let depth = (head - hole) / 2.0;
    PI * depth / 12.0 * (head * head + head * hole + hole * hole) - rod(hole, depth)
}

/// The area that rounding a corner of 90° removes.
pub fn corner(radius: f64) -> f64 {
    (1.0 - PI / 4.0) * radius * radius
}

/// The area of the part of a circle up to `height` above its lowest point.
pub fn segment(radius: f64, height: f64) -> f64 {
    let height = height.clamp(0.0, 2.0 * radius);
    let across = f64::sqrt(2.0 * radius * height - height * height);
    radius * radius * f64::acos(1.0 - height / radius) - (radius - height) * across
}

/// The volume of a closed outline of (radius, height), revolved around the axis.
pub fn revolved(outline: &[(f64, f64)]) -> f64 {
    let next = outline.iter().cycle().skip(1);
    let sum: f64 = outline.iter().zip(next).map(|((a, low), (b, high))| (a * a + a * b + b * b) * (high - low)).sum();
    (PI / 3.0 * sum).abs()
}

/// A rectangle around the origin with rounded corners.
pub struct Rounded {
    pub length: f64,
    pub width: f64,
    pub radius: f64,
}

impl Rounded {
    pub fn area(&self) -> f64 {
        self.length * self.width - 4.0 * corner(self.radius)
    }

    /// Its extent along X, to either side, at this Y.
    fn reach(&self, y: f64) -> f64 {
        let into = y.abs() - (self.width / 2.0 - self.radius);
        match into {
            into if into <= 0.0 => self.length / 2.0,
            into if into >= self.radius => 0.0,
            into => self.length / 2.0 - self.radius + f64::sqrt(self.radius * self.radius - into * into),
        }
    }

    /// The area that it shares with a circle around a point.
    pub fn shared_with_disc(&self, diameter: f64, [x, y]: [f64; 2]) -> f64 {
        let radius = diameter / 2.0;
        integral(-radius, radius, |down| {
            let (across, reach) = (f64::sqrt(radius * radius - down * down), self.reach(y + down));
            f64::max(0.0, f64::min(x + across, reach) - f64::max(x - across, -reach))
        })
    }
}
