//! The examples of `assets/examples`: each runs, has the calculated size for several sets of parameters, and looks like
//! its published picture.
//!
//! - `variant`: an example with changed parameters
//! - `size`: its expected size
//! - `flat`, `turned`: the calculations, which use nothing but the parameters
//! - `measurements`: areas and volumes for them
//! - `picture`: its picture

mod flat;
mod measurements;
mod picture;
mod size;
mod turned;
mod variant;

use std::collections::BTreeSet;

use crate::batch::{Batch, Script};
use crate::expected::Expected;
use picture::Picture;
use variant::Variant;

/// Parameters with new values.
type Changes = &'static [(&'static str, &'static str)];

/// The changes to test for each example, besides its own parameters. Every count is changed, also to one.
const VARIANTS: &[(&str, &[Changes])] = &[
    (
        "bolt",
        &[
            &[
                ("DIAMETER", "8.0"),
                ("PITCH", "1.25"),
                ("LENGTH", "30.0"),
                ("THREAD_LENGTH", "22.0"),
                ("HEAD_WIDTH", "13.0"),
                ("HEAD_HEIGHT", "5.3"),
                ("WASHER_DIAMETER", "11.6"),
            ],
            &[("PITCH", "1.25"), ("LENGTH", "60.0"), ("THREAD_LENGTH", "20.0"), ("PLAY", "0.1")],
        ],
    ),
    (
        "bracket",
        &[
            &[
                ("WIDTH", "90.0"),
                ("HEIGHT", "40.0"),
                ("THICKNESS", "3.0"),
                ("GUSSET_LENGTH", "20.0"),
                ("CORNER_RADIUS", "6.0"),
            ],
            &[
                ("DEPTH", "80.0"),
                ("BEND_RADIUS", "8.0"),
                ("GUSSET_THICKNESS", "12.0"),
                ("HOLE_DIAMETER", "4.5"),
                ("HEAD_DIAMETER", "9.0"),
                ("HOLE_MARGIN", "18.0"),
            ],
        ],
    ),
    (
        "enclosure",
        &[
            &[
                ("INNER_LENGTH", "120.0"),
                ("INNER_HEIGHT", "40.0"),
                ("WALL", "3.0"),
                ("VENT_COUNT", "10"),
                ("LID_LIFT", "0.0"),
            ],
            &[
                ("INNER_WIDTH", "80.0"),
                ("CORNER_RADIUS", "10.0"),
                ("LIP_HEIGHT", "5.0"),
                ("POST_DIAMETER", "10.0"),
                ("BOARD_WIDTH", "50.0"),
                ("CABLE_HOLE", "6.0"),
                ("CLEARANCE", "0.4"),
            ],
            &[("VENT_COUNT", "1")],
        ],
    ),
    (
        "flange",
        &[
            &[
                ("OUTER_DIAMETER", "220.0"),
                ("BOLT_CIRCLE", "180.0"),
                ("BOLT_COUNT", "12"),
                ("FACE_DIAMETER", "150.0"),
                ("THICKNESS", "24.0"),
                ("TOTAL_HEIGHT", "70.0"),
            ],
            &[
                ("BORE_DIAMETER", "40.0"),
                ("NECK_DIAMETER", "50.0"),
                ("HUB_FILLET", "3.0"),
                ("BOLT_COUNT", "5"),
                ("WELD_LAND", "2.0"),
            ],
            &[("BOLT_COUNT", "1")],
        ],
    ),
    // With these numbers of teeth the root circle lies far inside the base circle, or outside it.
    (
        "gear",
        &[
            &[("TEETH", "17"), ("MODULE", "3.0"), ("HOLE_COUNT", "0"), ("HUB_DIAMETER", "24.0"), ("KEY_DEPTH", "1.5")],
            &[
                ("TEETH", "48"),
                ("PRESSURE_ANGLE", "25.0"),
                ("FACE_WIDTH", "8.0"),
                ("HOLE_COUNT", "8"),
                ("BACKLASH", "0.0"),
            ],
            &[("HOLE_COUNT", "1")],
        ],
    ),
    (
        "heat-sink",
        &[
            &[("FIN_COUNT", "6"), ("FIN_HEIGHT", "40.0"), ("CUT_COUNT", "0"), ("LENGTH", "100.0")],
            &[
                ("FIN_COUNT", "15"),
                ("FIN_TIP", "2.0"),
                ("CUT_DEPTH", "10.0"),
                ("CUT_COUNT", "5"),
                ("EAR_LENGTH", "20.0"),
            ],
            &[("FIN_COUNT", "1"), ("CUT_COUNT", "1")],
        ],
    ),
    (
        "hinge",
        &[
            &[("OPEN_ANGLE", "180.0"), ("KNUCKLE_COUNT", "7"), ("LENGTH", "120.0"), ("HOLE_COUNT", "4")],
            &[
                ("OPEN_ANGLE", "0.0"),
                ("LEAF_THICKNESS", "2.0"),
                ("KNUCKLE_COUNT", "3"),
                ("GAP", "0.8"),
                ("PIN_DIAMETER", "5.0"),
            ],
            &[("HOLE_COUNT", "1"), ("OPEN_ANGLE", "90.0")],
        ],
    ),
    (
        "vase",
        &[
            &[("WAVE_COUNT", "6"), ("TWIST", "0.0"), ("HEIGHT", "150.0"), ("WALL", "4.0")],
            &[("BELLY_DIAMETER", "100.0"), ("FLOOR", "6.0"), ("WAVE_DEPTH", "2.0"), ("TWIST", "-30.0")],
            &[("WAVE_COUNT", "1")],
        ],
    ),
];

/// Runs the scripts, for at most 30 s each.
fn run(variants: &[Variant]) -> Batch {
    let scripts: Vec<&Script> = variants.iter().map(|variant| &variant.script).collect();
    Batch::run(&scripts, 2, 30)
}

#[test]
fn examples_have_the_calculated_size() {
    let mut variants = Vec::new();
    for (name, others) in VARIANTS {
        variants.push(Variant::of(name, &[]));
        variants.extend(others.iter().map(|changes| Variant::of(name, changes)));
    }
    let batch = run(&variants);
    let mut wrong = Vec::new();
    for variant in &variants {
        let expected: Expected = serde_json::from_value(size::expected(variant)).unwrap();
        let faults = match batch.result(&variant.script.name) {
            Ok(result) => {
                let mut faults = expected.faults(&result, &batch.out(&variant.script.name));
                faults.extend(
                    result.report["warnings"].as_array().into_iter().flatten().map(|w| format!("warning: {w}")),
                );
                faults
            }
            Err(problem) => vec![problem],
        };
        wrong.extend(faults.into_iter().map(|fault| format!("{}: {fault}", variant.script.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Moving and assembled parts do not intersect: leaves and pin at any angle, and the closed lid.
#[test]
fn parts_do_not_intersect() {
    let hinge = "\nfor one, other in ((fixed, moving), (fixed, pin), (moving, pin)):\n    \
                 assert one.common(other).Volume < 1e-6, one.common(other).Volume\n";
    let box_and_lid = "\nassert box.common(lid).Volume < 1e-6, box.common(lid).Volume\n";
    let mut variants: Vec<Variant> = ["0.0", "1.0", "45.0", "90.0", "135.0", "180.0"]
        .map(|angle| Variant::of("hinge", &[("OPEN_ANGLE", angle)]).and(hinge))
        .into();
    variants.push(Variant::of("enclosure", &[("LID_LIFT", "0.0")]).and(box_and_lid));
    // The check itself works: a pin thicker than its hole and a lip wider than the box do intersect.
    variants.push(Variant::of("hinge", &[("PIN_PLAY", "-0.5")]).and(hinge));
    variants.push(Variant::of("enclosure", &[("LID_LIFT", "0.0"), ("CLEARANCE", "-0.3")]).and(box_and_lid));
    let batch = run(&variants);
    let codes: Vec<String> = variants
        .iter()
        .map(|variant| batch.result(&variant.script.name).unwrap().report["error"]["code"].to_string())
        .collect();
    let (fit, unfit) = codes.split_at(7);
    assert!(fit.iter().all(|code| code == "null"), "{codes:?}");
    assert!(unfit.iter().all(|code| code == "\"script_error\""), "{codes:?}");
}

/// `UPDATE_EXAMPLES=1` rewrites them.
#[test]
fn published_pictures_are_current() {
    let variants: Vec<Variant> = VARIANTS.iter().map(|(name, _)| Variant::of(name, &[])).collect();
    let batch = run(&variants);
    let mut wrong = Vec::new();
    for variant in &variants {
        let path = variant::folder().join(format!("{}.png", variant.name));
        let drawn = Picture::read(&batch.out(&variant.script.name).join("MyHeadlessModel.PNG")).shrunk();
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            drawn.write(&path);
        }
        let difference = Picture::read(&path).difference(&drawn);
        if difference > picture::MAX_DIFFERENCE {
            wrong.push(format!("{}: {:.2} % of the picture differ", path.display(), 100.0 * difference));
        }
        let bytes = path.metadata().unwrap().len();
        if bytes >= 25_000 {
            wrong.push(format!("{}: {bytes} bytes", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_EXAMPLES=1 ONLY=pictures make test", wrong.join("\n"));
}

/// The tolerance for pictures is small enough to tell models apart.
#[test]
fn a_changed_model_changes_the_picture() {
    let variants = [
        Variant::of("bracket", &[("HOLE_DIAMETER", "6.2")]),
        Variant::of("gear", &[("TEETH", "33")]),
        Variant::of("vase", &[("TWIST", "66.0")]),
    ];
    let batch = run(&variants);
    for variant in &variants {
        let drawn = Picture::read(&batch.out(&variant.script.name).join("MyHeadlessModel.PNG")).shrunk();
        let kept = Picture::read(&variant::folder().join(format!("{}.png", variant.name)));
        let difference = kept.difference(&drawn);
        assert!(difference > picture::MAX_DIFFERENCE, "{}: {difference}", variant.script.name);
    }
}

/// The folder has script, answer and picture of each, and nothing else.
#[test]
fn every_example_is_tested() {
    let files = std::fs::read_dir(variant::folder()).unwrap();
    let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let of = |(name, _): &(&str, _)| ["json", "png", "py"].map(|ending| format!("{name}.{ending}"));
    assert_eq!(files, VARIANTS.iter().flat_map(of).collect());
}
