//! Everything that is known of a job's process after its end.

use std::time::Duration;

use crate::event::JobEvents;
use crate::log::Log;

/// A process that ended by itself or at one of its limits.
pub(crate) struct Observed {
    pub events: JobEvents,
    pub death: Death,
    /// The runner killed it because its time was up.
    pub over_time: bool,
    /// Processor time of all its threads together.
    pub cpu: Duration,
    pub log: Log,
}

/// How a process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    Exit(i32),
    Signal(i32),
}

impl Death {
    /// Reads a wait status.
    pub(crate) fn of(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signal(libc::WTERMSIG(status))
        } else {
            Self::Exit(libc::WEXITSTATUS(status))
        }
    }
}
