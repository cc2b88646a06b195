//! Examples of plates and boxes.

use super::measurements::{Rounded, corner, countersink, disc, rod, segment};
use super::size::Size;
use super::variant::Variant;

pub fn bracket(of: &Variant) -> Size {
    let [width, depth, height, thickness] = ["WIDTH", "DEPTH", "HEIGHT", "THICKNESS"].map(|name| of.value(name));
    let bend = of.value("BEND_RADIUS");
    let outline = thickness * (depth + height - thickness) + corner(bend) - corner(bend + thickness);
    let leg = of.value("GUSSET_LENGTH");
    let gusset = (leg * leg / 2.0 - corner(bend)) * of.value("GUSSET_THICKNESS");
    let (hole, head) = (of.value("HOLE_DIAMETER"), of.value("HEAD_DIAMETER"));
    let removed = corner(of.value("CORNER_RADIUS")) * thickness + rod(hole, thickness) + countersink(hole, head);
    Size::standing(&["Bracket"], outline * width + gusset - 4.0 * removed, [width, depth, height])
}

pub fn heat_sink(of: &Variant) -> Size {
    let [length, count, height] = ["LENGTH", "FIN_COUNT", "FIN_HEIGHT"].map(|name| of.value(name));
    let [foot, tip, base] = ["FIN_FOOT", "FIN_TIP", "BASE_THICKNESS"].map(|name| of.value(name));
    let width = (count - 1.0) * of.value("FIN_STEP") + foot + 2.0 * of.value("EAR_LENGTH");
    let depth = of.value("CUT_DEPTH");
    let thickness = |above: f64| foot + (tip - foot) * above / height;
    let cut = depth * (thickness(height - depth) + tip) / 2.0 * of.value("CUT_WIDTH") * of.value("CUT_COUNT");
    let fin = height * (foot + tip) / 2.0 * length - cut;
    let volume = width * base * length + count * fin - 4.0 * rod(of.value("HOLE_DIAMETER"), base);
    Size::standing(&["Heat sink"], volume, [width, length, base + height])
}

pub fn enclosure(of: &Variant) -> Size {
    let [wall, inner_height, radius] = ["WALL", "INNER_HEIGHT", "CORNER_RADIUS"].map(|name| of.value(name));
    let inside = Rounded { length: of.value("INNER_LENGTH"), width: of.value("INNER_WIDTH"), radius: radius - wall };
    let grown = |by: f64| Rounded {
        length: inside.length + 2.0 * by,
        width: inside.width + 2.0 * by,
        radius: inside.radius + by,
    };
    let outside = grown(wall);

    let post = of.value("POST_DIAMETER");
    let place = [inside.length / 2.0 - 0.45 * post, inside.width / 2.0 - 0.45 * post];
    let pilot = disc(of.value("PILOT_HOLE"));
    let posts = 4.0 * (inside.shared_with_disc(post, place) - pilot) * inner_height;
    let standoffs = 4.0 * (disc(of.value("STANDOFF_DIAMETER")) - pilot) * of.value("STANDOFF_HEIGHT");
    let case = outside.area() * (wall + inner_height) - inside.area() * inner_height + posts + standoffs
        - rod(of.value("CABLE_HOLE"), wall);

    let [clearance, lip, screw] = ["CLEARANCE", "LIP_HEIGHT", "SCREW_HOLE"].map(|name| of.value(name));
    let (around, within) = (grown(-clearance), grown(-clearance - of.value("LIP_THICKNESS")));
    let room = post + 2.0 * clearance;
    let rooms = 4.0 * (around.shared_with_disc(room, place) - within.shared_with_disc(room, place));
    let vent = of.value("VENT_WIDTH");
    let slot = Rounded { length: vent, width: of.value("VENT_LENGTH"), radius: 0.45 * vent };
    let lid = outside.area() * wall + (around.area() - within.area() - rooms) * lip
        - 4.0 * (rod(screw, wall) + countersink(screw, of.value("HEAD_DIAMETER")))
        - of.value("VENT_COUNT") * slot.area() * wall;

    let height = 2.0 * wall + inner_height + of.value("LID_LIFT");
    Size::standing(&["Box", "Lid"], case + lid, [outside.length, outside.width, height])
}

pub fn hinge(of: &Variant) -> Size {
    let [length, width, thickness] = ["LENGTH", "LEAF_WIDTH", "LEAF_THICKNESS"].map(|name| of.value(name));
    let [gap, pin, holes] = ["GAP", "PIN_DIAMETER", "HOLE_COUNT"].map(|name| of.value(name));
    let (knuckle, count) = (of.value("KNUCKLE_DIAMETER") / 2.0, of.value("KNUCKLE_COUNT"));
    let plate = width * thickness;
    // The sections of a leaf: across its own knuckle, and beside a knuckle of the other leaf.
    let own = plate + disc(2.0 * knuckle) - segment(knuckle, thickness) / 2.0 - disc(pin + of.value("PIN_PLAY"));
    let room = knuckle + gap;
    let others = plate - (segment(room, thickness + gap) - segment(room, gap)) / 2.0;
    let hole = of.value("HOLE_DIAMETER");
    let removed = 2.0 * corner(of.value("CORNER_RADIUS")) * thickness
        + holes * (rod(hole, thickness) + countersink(hole, of.value("HEAD_DIAMETER")));
    let leaf = |free: f64| own * (length - free) + others * free - removed;
    let step = length / count;
    let (between, at_ends) = ((count - 1.0) / 2.0, f64::midpoint(count, 1.0));
    // Half a gap lies outside at each end of the leaf.
    let leaves = leaf(between * (step + gap)) + leaf(at_ends * (step + gap) - gap);
    let (base, cap) = (of.value("RIVET_DIAMETER") / 2.0, of.value("RIVET_HEIGHT"));
    let dome = std::f64::consts::PI * cap * (3.0 * base * base + cap * cap) / 6.0;
    let end = length / 2.0 + gap / 2.0;
    let volume = leaves + rod(pin, 2.0 * end) + 2.0 * dome;

    // The moving leaf turns up around the axis, from flat at the back.
    let (sine, cosine) = (180.0 - of.value("OPEN_ANGLE")).to_radians().sin_cos();
    let corners = [(0.0, 0.0), (width, 0.0), (width, thickness), (0.0, thickness)];
    let moved = corners.map(|(y, z)| [y * cosine - (z - knuckle) * sine, knuckle + y * sine + (z - knuckle) * cosine]);
    let max = |start: f64, axis: usize| moved.iter().map(|point| point[axis]).fold(start, f64::max);
    let min = |start: f64, axis: usize| moved.iter().map(|point| point[axis]).fold(start, f64::min);
    Size {
        volume,
        min: [-end - cap, min(-width, 0), min(0.0, 1)],
        max: [end + cap, max(knuckle, 0), max(2.0 * knuckle, 1)],
        parts: &["Fixed leaf", "Moving leaf", "Pin"],
        within: None,
    }
}
