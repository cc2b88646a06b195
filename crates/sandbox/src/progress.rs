//! Output and phases of a running job, for a watcher such as a person at a terminal.

/// One step of a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A phase began: `script`, then `export`. Each comes once at most.
    Phase(&'static str),
    /// The script printed a line. It is the log's line: without control characters, and cut to size.
    Line(&'a str),
}

/// A function that the engine calls between two reads of a job's pipes.
///
/// It runs on the thread that keeps the time of all jobs, so it must return at once and wait for nothing. The engine
/// keeps nothing for it, and a script can print gigabytes: a watcher that stores or sends lines must bound their
/// number.
pub type Watcher<'a> = &'a dyn Fn(Progress<'_>);

/// The watcher that ignores everything.
pub fn unwatched(_: Progress<'_>) {}
