//! Repairs: which failed version the project's conversation is about to repair. This is a hint. It is kept in memory only,
//! and expires if the conversation does not repeat it.

use std::cell::RefCell;
use std::time::Duration;

use super::object::ProjectObject;
use super::request::ProjectTarget;
use super::transitions::{self, Ownership};
use super::view::VersionView;
use crate::object::SqlError;
use contract::{Phase, Timestamp, TurnId, Version};

/// How long a repair hint counts. A model may take eight minutes; a turn that follows a version repeats the hint at least
/// once a minute.
const HINT_LIFETIME: Duration = Duration::from_secs(600);

/// The last hint.
#[derive(Debug, Default)]
pub(super) struct Repairs(RefCell<Option<Repair>>);

#[derive(Debug)]
struct Repair {
    turn: TurnId,
    /// The version that the turn repairs if it fails.
    version: Option<Version>,
    at: Timestamp,
}

impl Repairs {
    /// The turn that repairs the newest version, if that has failed.
    pub fn of(&self, newest: &VersionView, now: Timestamp) -> Option<TurnId> {
        let repair = self.0.borrow();
        let Repair { turn, version, at } = repair.as_ref()?;
        let applies = *version == Some(newest.version) && newest.phase == Phase::Failed;
        (applies && now.since(*at) < HINT_LIFETIME).then(|| turn.clone())
    }

    pub fn forget(&self) {
        self.0.take();
    }
}

impl ProjectObject<'_> {
    /// Takes a turn's hint, if the project belongs to its user. A turn without a version to repair only revokes its own
    /// hint.
    pub(super) fn note_repair(
        &self,
        call: &ProjectTarget,
        turn: &TurnId,
        version: Option<Version>,
    ) -> Result<(), SqlError> {
        if transitions::ownership(self.records(), &call.caller)? != Ownership::Own {
            return Ok(());
        }
        let mut repair = self.memory.repairs.0.borrow_mut();
        if version.is_some() || repair.as_ref().is_some_and(|last| last.turn == *turn) {
            *repair = Some(Repair { turn: turn.clone(), version, at: self.clock.now() });
        }
        Ok(())
    }
}
