//! Examples that are turned, toothed, threaded or twisted.

use std::f64::consts::PI;

use super::measurements::{disc, integral, revolved, rod};
use super::size::Size;
use super::variant::Variant;

pub fn flange(of: &Variant) -> Size {
    let [outer, bore, neck] = ["OUTER_DIAMETER", "BORE_DIAMETER", "NECK_DIAMETER"].map(|name| of.value(name) / 2.0);
    let [face, hub] = ["FACE_DIAMETER", "HUB_DIAMETER"].map(|name| of.value(name) / 2.0);
    let [thickness, step, top] = ["THICKNESS", "FACE_HEIGHT", "TOTAL_HEIGHT"].map(|name| of.value(name));
    let (chamfer, land) = (of.value("EDGE_CHAMFER"), of.value("WELD_LAND"));
    let (bevel, shoulder) = (neck - bore - land, top - of.value("NECK_LENGTH"));
    let body = revolved(&[
        (bore, 0.0),
        (face, 0.0),
        (face, step),
        (outer, step),
        (outer, thickness - chamfer),
        (outer - chamfer, thickness),
        (hub, thickness),
        (neck, shoulder),
        (neck, top - bevel),
        (bore + land, top),
        (bore, top),
    ]);
    // The fillet touches both the plate and the hub, which leans away from it.
    let radius = of.value("HUB_FILLET");
    let lean = f64::atan2(shoulder - thickness, hub - neck);
    let reach = radius * f64::tan(lean / 2.0);
    let (across, up) = (hub + reach, thickness + radius);
    let mut fillet = vec![(hub, thickness)];
    fillet.extend((0..=1_000).map(|number| {
        let angle = lean * f64::from(number) / 1_000.0;
        (across - radius * angle.sin(), up - radius * angle.cos())
    }));
    let holes = of.value("BOLT_COUNT") * rod(of.value("BOLT_HOLE"), thickness - step);
    Size::standing(&["Flange"], body + revolved(&fillet) - holes, [2.0 * outer, 2.0 * outer, top])
}

pub fn gear(of: &Variant) -> Size {
    let [teeth, module, pressure] = ["TEETH", "MODULE", "PRESSURE_ANGLE"].map(|name| of.value(name));
    let [width, hub, hub_height] = ["FACE_WIDTH", "HUB_DIAMETER", "HUB_HEIGHT"].map(|name| of.value(name));
    let pitch = teeth * module / 2.0;
    let base = pitch * pressure.to_radians().cos();
    let (tip, root) = (pitch + module, pitch - 1.25 * module);
    // Half of a tooth, as an angle. On the pitch circle a tooth is as wide as half a step less the backlash; the
    // involute gives the width at other radii.
    let involute = |radius: f64| {
        let angle = f64::acos(f64::min(1.0, base / radius));
        angle.tan() - angle
    };
    let on_base = (PI * module / 2.0 - of.value("BACKLASH")) / (2.0 * pitch) + involute(pitch);
    let half = |radius: f64| on_base - involute(f64::max(radius, base));
    let mut area = PI * root * root + teeth * integral(root, tip, |radius| 2.0 * half(radius) * radius);
    // The fillets in the roots, between a circle that touches the root circle and a flank that is straight up to the
    // base circle.
    let fillet = of.value("ROOT_FILLET");
    let centre = root + fillet;
    let touch = f64::sqrt(centre * centre - fillet * fillet);
    if fillet > 0.0 && touch < base {
        let beside = f64::asin(fillet / centre);
        let to_circle = |radius: f64| {
            let cosine = (radius * radius + centre * centre - fillet * fillet) / (2.0 * radius * centre);
            f64::acos(f64::min(1.0, cosine))
        };
        area += teeth * integral(root, touch, |radius| 2.0 * (beside - to_circle(radius)) * radius);
    }
    let bore = of.value("BORE_DIAMETER") / 2.0;
    let key = of.value("KEY_WIDTH") / 2.0;
    let keyway = integral(-key, key, |x| bore + of.value("KEY_DEPTH") - f64::sqrt(bore * bore - x * x));
    let volume = area * width + disc(hub) * (hub_height - width)
        - (disc(2.0 * bore) + keyway) * hub_height
        - of.value("HOLE_COUNT") * rod(of.value("HOLE_DIAMETER"), width);

    // Its extent in a direction: the top of some tooth, or the nearer end of one.
    let reach = |direction: f64| {
        let tops = (0..teeth as u32).map(|number| {
            let beside = (2.0 * PI * f64::from(number) / teeth - direction + PI).rem_euclid(2.0 * PI) - PI;
            tip * f64::cos(f64::max(0.0, beside.abs() - half(tip)))
        });
        tops.fold(0.0, f64::max)
    };
    Size {
        volume,
        min: [-reach(PI), -reach(1.5 * PI), 0.0],
        max: [reach(0.0), reach(0.5 * PI), hub_height],
        parts: &["Gear"],
        within: None,
    }
}

pub fn bolt(of: &Variant) -> Size {
    let [pitch, flats, head] = ["PITCH", "HEAD_WIDTH", "HEAD_HEIGHT"].map(|name| of.value(name));
    let shank = of.value("DIAMETER") / 2.0;
    let crest = shank - of.value("PLAY") / 2.0;
    let core = crest - 5.0 / 8.0 * 0.75_f64.sqrt() * pitch;
    let top = head + of.value("LENGTH");
    let whole = top - of.value("THREAD_LENGTH");

    // The section of the thread is the same in every plane through the axis, only shifted along it. So at each height
    // the mean over all directions equals the mean over one pitch.
    let run_out = 1.5 * (shank - core);
    let at_tip = shank - (shank - core + 0.2);
    let rod_at = |z: f64| shank + (core - shank) * ((z - (whole - run_out)) / run_out).clamp(0.0, 1.0);
    let slope = 30.0_f64.to_radians().tan();
    let ridge = |beside: f64| crest - f64::max(0.0, beside.abs() - pitch / 16.0) / slope;
    let limit = |z: f64| at_tip + (top - z);
    let square_at = |z: f64| {
        let steps = 200_u32;
        let square = |number: u32| {
            let beside = (f64::from(number) + 0.5) / f64::from(steps) * pitch / 2.0;
            f64::min(limit(z), f64::max(rod_at(z), ridge(beside))).powi(2)
        };
        (0..steps).map(square).sum::<f64>() / f64::from(steps)
    };
    let below = whole - run_out;
    let rod_above_head = rod(2.0 * shank, below - head) + PI * integral(below, top, square_at);

    // The head is a hexagon, and a cone cuts its lower corners.
    let sector = |radius: f64| {
        let across = flats / 2.0;
        // A twelfth of the hexagon, up to this radius.
        let open = f64::acos(f64::min(1.0, across / radius)).min(PI / 6.0);
        across * across * open.tan() / 2.0 + radius * radius * (PI / 6.0 - open) / 2.0
    };
    let washer = of.value("WASHER_HEIGHT");
    let cone = |z: f64| 0.95 * flats / 2.0 + z / slope;
    let prism = integral(0.0, head - washer, |z| 12.0 * sector(cone(z)));
    let volume = prism + rod(of.value("WASHER_DIAMETER"), washer) + rod_above_head;
    Size::standing(&["Bolt"], volume, [flats / 30.0_f64.to_radians().cos(), flats, top])
}

pub fn vase(of: &Variant) -> Size {
    let [height, wall, floor] = ["HEIGHT", "WALL", "FLOOR"].map(|name| of.value(name));
    let places =
        [(0.0, "FOOT"), (of.value("BELLY_HEIGHT"), "BELLY"), (of.value("NECK_HEIGHT"), "NECK"), (height, "RIM")];
    let places = places.map(|(z, name)| (z, of.value(&format!("{name}_DIAMETER")) / 2.0));
    let middle = |z: f64| {
        let at = places.windows(2).find(|pair| z <= pair[1].0).unwrap();
        let ((low, start), (high, end)) = (at[0], at[1]);
        start + (end - start) * (1.0 - f64::cos(PI * (z - low) / (high - low))) / 2.0
    };
    let (waves, depth) = (of.value("WAVE_COUNT"), of.value("WAVE_DEPTH") / 100.0);
    // The mean square of a radius with a wave around its middle.
    let square = |z: f64, inwards: f64| (middle(z) - inwards).powi(2) + (middle(z) * depth).powi(2) / 2.0;
    let volume = PI * (integral(0.0, height, |z| square(z, 0.0)) - integral(floor, height, |z| square(z, wall)));

    let mut reach = [0.0_f64; 4];
    for number in 0..=400 {
        let z = height * f64::from(number) / 400.0;
        let twisted = of.value("TWIST").to_radians() * z / height;
        for direction in 0..3_600 {
            let angle = f64::from(direction) * PI / 1_800.0;
            let radius = middle(z) * (1.0 + depth * f64::cos(waves * (angle - twisted)));
            let (y, x) = angle.sin_cos();
            for (max, part) in reach.iter_mut().zip([x, y, -x, -y]) {
                *max = max.max(radius * part);
            }
        }
    }
    let [right, back, left, front] = reach;
    // The surface goes through sections, and swells between them by some hundredths of a millimetre. The box is that of
    // its mesh, which may lie 0.1 mm inside.
    let within = Some([5e-3, 0.2]);
    Size { volume, min: [-left, -front, 0.0], max: [right, back, height], parts: &["Vase"], within }
}
