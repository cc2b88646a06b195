//! Figures, targets, and the page that keeps them.

use std::fmt::Write;
use std::time::Duration;

use platform::Clock;

use crate::transport::SystemClock;

/// The page under construction.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One figure.
#[derive(Debug)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// What it is to reach, in words.
    pub target: String,
    /// What it is compared with, with its figure; a dash where it stands alone.
    pub baseline: String,
    /// The figure.
    pub measured: String,
    /// The one against the other.
    pub ratio: String,
    /// Whether the target is reached; none where this program cannot tell.
    pub met: Option<bool>,
}

impl Table {
    /// Adds a row, and prints it.
    pub fn row(&mut self, row: Row) {
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// Adds what stands below the table.
    pub fn note(&mut self, text: String) {
        println!("{text}");
        self.notes.push(text);
    }

    /// The page.
    pub fn page(&self) -> String {
        let mut page = format!(
            "# What the service takes\n\nWritten by `make bench` on {}: {}. Store, Worker and runner are on this one \
             machine; each part has a stack of its own, and what it is compared with runs in the same minutes on the \
             same bucket.\n\n| what | target | compared with | measured | ratio | |\n|---|---|---|---|---|---|\n",
            SystemClock::new().now(),
            machine(),
        );
        for row in &self.rows {
            page.push_str(&line(row));
            page.push('\n');
        }
        for note in &self.notes {
            // A page in memory takes every write.
            let _ = write!(page, "\n{}\n", note.trim_end());
        }
        page
    }
}

fn line(row: &Row) -> String {
    let Row { what, target, baseline, measured, ratio, met } = row;
    let met = match met {
        Some(true) => "reached",
        Some(false) => "**missed**",
        None => "",
    };
    format!("| {what} | {target} | {baseline} | {measured} | {ratio} | {met} |")
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    format!("{cores} cores of {}", model.trim_start_matches([' ', '\t', ':']))
}

/// The middle one.
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// The one that 95 of a hundred do not exceed.
pub fn p95(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[(durations.len() * 95 / 100).min(durations.len() - 1)]
}

/// In milliseconds, with as many digits as matter.
pub fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
