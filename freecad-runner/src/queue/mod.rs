//! The queue of versions that wait to be run.
//!
//! - `poll`: lists `pending/`
//! - `state`: what the listings mean: free, held or dead, and whose turn it is
//! - `claim`: holds a version
//! - `slots`: the places for jobs on this runner

mod claim;
mod poll;
mod slots;
mod state;

use contract::{MAX_ATTEMPTS, ProjectId, Version};

pub use claim::{ATTEMPT_LIMIT, Claim, Heartbeat};
pub use poll::{Listing, PollTimer, list_pending};
pub use slots::{Culprit, Freed, HeldSlot, Slots};
pub use state::{Pending, Queue};

/// One version of one project.
pub type Job = (ProjectId, Version);

/// A version that may be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub job: Job,
    /// The number of the attempt to create.
    pub attempt: u32,
    /// The number of dead attempts.
    pub died: u32,
}

impl Candidate {
    /// From the third attempt on a version runs alone, so that a script that kills runners takes no other job with it.
    pub fn runs_alone(&self) -> bool {
        self.died >= 2
    }

    /// Too many attempts died. The version is not run but reported as abandoned.
    pub fn is_abandoned(&self) -> bool {
        self.died >= MAX_ATTEMPTS
    }
}
