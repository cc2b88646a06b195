//! What an example must measure, by calculation from its parameters.

use serde_json::{Value, json};

use super::variant::Variant;
use super::{round, straight};

/// What is known of a model before it is made.
pub struct Size {
    /// mm³, of all parts.
    pub volume: f64,
    /// The lowest corner.
    pub min: [f64; 3],
    /// The highest corner.
    pub max: [f64; 3],
    /// The parts, each one solid, as they are labelled.
    pub parts: &'static [&'static str],
    /// The share by which the volume and the mm by which the box may differ, where the model only comes near to what is
    /// calculated.
    pub within: Option<[f64; 2]>,
}

impl Size {
    /// Something that stands on the floor around the Z axis.
    pub fn standing(part: &'static [&'static str], volume: f64, [length, width, height]: [f64; 3]) -> Self {
        let (x, y) = (length / 2.0, width / 2.0);
        Self { volume, min: [-x, -y, 0.0], max: [x, y, height], parts: part, within: None }
    }
}

/// What the report must say, as an `expected.json`.
pub fn expected(variant: &Variant) -> Value {
    let size = match variant.name.as_str() {
        "bolt" => round::bolt(variant),
        "bracket" => straight::bracket(variant),
        "enclosure" => straight::enclosure(variant),
        "flange" => round::flange(variant),
        "gear" => round::gear(variant),
        "heat-sink" => straight::heat_sink(variant),
        "hinge" => straight::hinge(variant),
        "vase" => round::vase(variant),
        other => panic!("how large is {other}?"),
    };
    json!({
        "outcome": "completed",
        "volume_mm3": size.volume,
        "volume_within": size.within.map(|[share, _]| share),
        "box_within": size.within.map(|[_, mm]| mm),
        "solids": size.parts.len(),
        "bounding_box": {"min": size.min, "max": size.max},
        "objects": size.parts,
        "formats": ["FCStd", "STEP", "STL", "OBJ", "GLB", "PNG"],
    })
}
