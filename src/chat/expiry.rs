//! Removes old data: the text of turns a day after the last one ended, and after a week the conversation of a name that
//! no project has. No user's list shows such a conversation, so nobody would ever remove it.

use std::time::Duration;

use super::alarm::StepError;
use super::call::ChatRefusal;
use super::object::ChatObject;
use super::records::TURN_RETENTION;
use super::turn::Turn;
use crate::object::SqlError;
use crate::project::GetStatus;
use contract::Timestamp;

/// How long a conversation without a project is kept, from the end of its last turn.
const UNUSED_RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The pause before the project's object is asked again.
const RETRY_PAUSE: Duration = Duration::from_secs(3_600);

impl ChatObject<'_> {
    /// When the next removal is due, if any.
    pub(super) fn next_removal(&self) -> Result<Option<Timestamp>, SqlError> {
        let due = self.records().last()?.map(|turn| removal(&turn));
        Ok(due.map(|due| due.max(self.memory.removes_at.get().unwrap_or(due))))
    }

    /// Removes what is due. No turn is open.
    pub(super) async fn remove_old(&self) -> Result<(), ChatRefusal> {
        let (records, now) = (self.records(), self.clock.now());
        let Some(turn) = records.last()? else { return Ok(()) };
        if removal(&turn) > now {
            return Ok(());
        }
        if turn.has_text() {
            return Ok(records.remove_text()?);
        }
        let status = self.ask_project(&turn, GetStatus).await;
        // A turn may have begun in the meantime.
        if records.open()?.is_some() || records.last()?.is_none_or(|last| last.id != turn.id) {
            return Ok(());
        }
        match status {
            Ok(status) if status.newest.is_none() => records.remove_all()?,
            // The project exists, so the messages stay. The turns hold no more text.
            Ok(_) | Err(StepError::Fail(_)) => records.remove_turns()?,
            Err(_) => self.memory.removes_at.set(Some(now.after(RETRY_PAUSE))),
        }
        Ok(())
    }
}

/// When the text of this turn, the last one, is due for removal; without text, when the turn itself is.
fn removal(turn: &Turn) -> Timestamp {
    turn.state_at.after(if turn.has_text() { TURN_RETENTION } else { UNUSED_RETENTION })
}
