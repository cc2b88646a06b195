//! The expected size of an example, calculated from its parameters.

use serde_json::{Value, json};

use super::variant::Variant;
use super::{flat, turned};

/// The calculated size of a model.
pub struct Size {
    /// In mm³, of all parts together.
    pub volume: f64,
    /// Lowest corner of the bounding box, in mm.
    pub min: [f64; 3],
    /// Highest corner, in mm.
    pub max: [f64; 3],
    /// The labels of the parts. Each part is one solid.
    pub parts: &'static [&'static str],
    /// The relative tolerance of the volume and the tolerance of the box in mm, for a model that only approximates the
    /// calculation.
    pub within: Option<[f64; 2]>,
}

impl Size {
    /// A model that stands on the floor, centred on the Z axis.
    pub fn standing(part: &'static [&'static str], volume: f64, [length, width, height]: [f64; 3]) -> Self {
        let (x, y) = (length / 2.0, width / 2.0);
        Self { volume, min: [-x, -y, 0.0], max: [x, y, height], parts: part, within: None }
    }
}

/// The expected report, in the form of `expected.json`.
pub fn expected(variant: &Variant) -> Value {
    let size = match variant.name.as_str() {
        "bolt" => turned::bolt(variant),
        "bracket" => flat::bracket(variant),
        "enclosure" => flat::enclosure(variant),
        "flange" => turned::flange(variant),
        "gear" => turned::gear(variant),
        "heat-sink" => flat::heat_sink(variant),
        "hinge" => flat::hinge(variant),
        "vase" => turned::vase(variant),
        other => panic!("no calculation for {other}"),
    };
    json!({
        "outcome": "completed",
        "volume_mm3": size.volume,
        "volume_within": size.within.map(|[relative, _]| relative),
        "box_within": size.within.map(|[_, mm]| mm),
        "solids": size.parts.len(),
        "bounding_box": {"min": size.min, "max": size.max},
        "objects": size.parts,
        "formats": ["FCStd", "STEP", "STL", "OBJ", "GLB", "PNG"],
    })
}
