//! What is sent: each script makes a box of a length of its own, so that lost, doubled and mixed-up ones show.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::tools::root;

/// Gives out scripts, no two alike.
#[derive(Debug, Default)]
pub struct Scripts {
    given: Cell<u32>,
}

impl Scripts {
    /// The next one, and the mark by which it is known again.
    pub fn next(&self) -> (u32, String) {
        let mark = self.given.get() + 1;
        self.given.set(mark);
        (mark, script(mark, 0.0))
    }

    /// One that works for so many seconds.
    pub fn next_that_takes(&self, seconds: f64) -> (u32, String) {
        let (mark, _) = self.next();
        (mark, script(mark, seconds))
    }

    /// One of ordinary weight: the seven objects that the engine is measured with.
    pub fn next_of_seven_objects(&self) -> (u32, String) {
        let (mark, _) = self.next();
        (mark, format!("# mark {mark} seven\n{}print('mark', {mark})\n", seven_objects()))
    }
}

fn script(mark: u32, seconds: f64) -> String {
    format!(
        "# mark {mark} box\nimport time\nimport FreeCAD as App\ntime.sleep({seconds})\ndoc = App.newDocument()\n\
         box = doc.addObject('Part::Box', 'Box')\nbox.Length = {mark}\ndoc.recompute()\nprint('mark', {mark})\n"
    )
}

fn seven_objects() -> String {
    std::fs::read_to_string(root().join("tests/bench/scripts/seven_objects.py")).unwrap()
}

/// The mark of a script as it lies in the bucket, and the volume of its model in mm³ where the mark decides it: two
/// sides of a box are FreeCAD's default, 10 mm.
pub fn mark_and_volume(script: &[u8]) -> Option<(u32, Option<f64>)> {
    let mut words = std::str::from_utf8(script).ok()?.lines().next()?.strip_prefix("# mark ")?.split(' ');
    let mark: u32 = words.next()?.parse().ok()?;
    Some((mark, (words.next()? == "box").then(|| 100.0 * f64::from(mark))))
}

/// What was sent to one project.
#[derive(Debug, Default)]
pub struct Sent {
    /// The marks of scripts that the Worker took: each must be a version, once.
    pub accepted: BTreeSet<u32>,
    /// The marks of scripts whose upload was never answered: a version at most.
    pub unanswered: BTreeSet<u32>,
}
