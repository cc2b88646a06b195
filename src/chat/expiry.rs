//! What goes by itself: the words of turns a day after the last one's end, and after a week the whole conversation where
//! no project came of it. Nobody's list names such a one, so that nobody would ever remove it.

use std::time::Duration;

use super::alarm::Setback;
use super::call::ChatRefusal;
use super::object::ChatObject;
use super::records::KEPT;
use super::turn::Turn;
use crate::object::SqlError;
use crate::project::GetStatus;
use contract::Timestamp;

/// How long a conversation about a name that nobody has is kept, from its last turn's end.
const UNUSED: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The pause where whose the name is cannot be known just now.
const PAUSE: Duration = Duration::from_secs(3_600);

impl ChatObject<'_> {
    /// When something is to go; none where nothing is.
    pub(super) fn next_removal(&self) -> Result<Option<Timestamp>, SqlError> {
        let due = self.records().last()?.map(|(_, turn)| removal(&turn));
        Ok(due.map(|due| due.max(self.memory.removes_at.get().unwrap_or(due))))
    }

    /// Removes what is due. No turn is open.
    pub(super) async fn remove_old(&self) -> Result<(), ChatRefusal> {
        let (records, now) = (self.records(), self.clock.now());
        let Some((project, turn)) = records.last()? else { return Ok(()) };
        if removal(&turn) > now {
            return Ok(());
        }
        if turn.has_words() {
            return Ok(records.take_words()?);
        }
        let status = self.ask_project(&project, &turn, GetStatus).await;
        // Somebody may have spoken meanwhile.
        if records.open()?.is_some() || records.last()?.is_none_or(|(_, last)| last.id != turn.id) {
            return Ok(());
        }
        match status {
            Ok(status) if status.newest.is_none() => records.remove_all()?,
            // It is somebody's project. Of the turns nothing is left to read.
            Ok(_) | Err(Setback::Final(_)) => records.remove_turns()?,
            Err(_) => self.memory.removes_at.set(Some(now.after(PAUSE))),
        }
        Ok(())
    }
}

/// When something of this turn, which ended last, is to go.
fn removal(turn: &Turn) -> Timestamp {
    turn.state_at.after(if turn.has_words() { KEPT } else { UNUSED })
}
