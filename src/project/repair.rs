//! Whether a failure is the last word: what the project's conversation says of it. It decides nothing, is in memory only,
//! and is no longer believed once the conversation has said nothing for longer than a repair takes.

use std::cell::RefCell;
use std::time::Duration;

use super::call::{ProjectTarget, VersionView};
use super::life::{self, Standing};
use super::object::ProjectObject;
use crate::object::SqlError;
use contract::{Phase, Timestamp, TurnId, Version};

/// How long what was said is believed: a model may take eight minutes. Whoever follows a version says it again each
/// minute at least.
const BELIEVED: Duration = Duration::from_secs(600);

/// Which turn said something last, which version it repairs, and when it said so. It may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Repairs(RefCell<Option<(TurnId, Option<Version>, Timestamp)>>);

impl Repairs {
    /// The turn that repairs the newest version, which failed; none where it stands or falls as it is.
    pub fn of(&self, newest: &VersionView, now: Timestamp) -> Option<TurnId> {
        let said = self.0.borrow();
        let (turn, version, at) = said.as_ref()?;
        let is_meant = *version == Some(newest.version) && newest.phase == Phase::Failed;
        (is_meant && now.since(*at) < BELIEVED).then(|| turn.clone())
    }

    /// As if nothing had been said.
    pub fn forget(&self) {
        self.0.take();
    }
}

impl ProjectObject<'_> {
    /// Notes what a turn says, if the project is its user's. One that repairs nothing any more takes back what it said,
    /// and nothing of another's.
    pub(super) fn note_repair(
        &self,
        call: &ProjectTarget,
        turn: &TurnId,
        version: Option<Version>,
    ) -> Result<(), SqlError> {
        if life::standing(self.records(), &call.caller)? != Standing::Theirs {
            return Ok(());
        }
        let mut said = self.memory.repairs.0.borrow_mut();
        if version.is_some() || said.as_ref().is_some_and(|(before, ..)| before == turn) {
            *said = Some((turn.clone(), version, self.clock.now()));
        }
        Ok(())
    }
}
