//! The uploaded scripts: each makes a box of its own length, so that lost, doubled and mixed-up ones are noticed.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::tools::root;

/// Makes scripts, each different.
#[derive(Debug, Default)]
pub struct Scripts {
    given: Cell<u32>,
}

impl Scripts {
    /// The next script and its mark.
    pub fn next(&self) -> (u32, String) {
        let mark = self.given.get() + 1;
        self.given.set(mark);
        (mark, script(mark, 0.0))
    }

    /// A script that runs for this many seconds.
    pub fn next_that_takes(&self, seconds: f64) -> (u32, String) {
        let (mark, _) = self.next();
        (mark, script(mark, seconds))
    }

    /// A script of ordinary size: the seven objects of the engine's benchmark.
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

/// The mark of a script, and the volume of its model in mm³ if the mark decides it: two sides of a box have FreeCAD's
/// default, 10 mm.
pub fn mark_and_volume(script: &[u8]) -> Option<(u32, Option<f64>)> {
    let mut words = std::str::from_utf8(script).ok()?.lines().next()?.strip_prefix("# mark ")?.split(' ');
    let mark: u32 = words.next()?.parse().ok()?;
    Some((mark, (words.next()? == "box").then(|| 100.0 * f64::from(mark))))
}

/// The uploads to one project.
#[derive(Debug, Default)]
pub struct Sent {
    /// The marks of scripts whose upload was accepted: each must be one version.
    pub accepted: BTreeSet<u32>,
    /// The marks of scripts whose upload got no response: each is one version or none.
    pub unanswered: BTreeSet<u32>,
}
