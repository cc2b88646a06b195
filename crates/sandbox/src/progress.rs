//! What a job tells while it runs, for whoever watches it: a person at a terminal now, a server later.

/// One thing that a running job tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A phase began: `script`, then `export`; none twice.
    Phase(&'static str),
    /// A line was printed. As the log has it: without control characters, and cut to size.
    Line(&'a str),
}

/// Who is told: a function that the engine calls between two reads of a job's pipes, on the thread that keeps all jobs'
/// time. So it returns at once and waits for nothing. The engine keeps nothing for it, and a script can print gigabytes:
/// a watcher that keeps lines, or sends them on, bounds how many.
pub type Watcher<'a> = &'a dyn Fn(Progress<'_>);

/// The watcher of a job that nobody watches.
pub fn unwatched(_: Progress<'_>) {}
