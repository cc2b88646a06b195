//! Results, targets, and the page that contains them.

use std::fmt::Write;
use std::time::Duration;

use platform::Clock;

use crate::transport::SystemClock;

/// The results so far.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

/// One result.
#[derive(Debug)]
pub struct Row {
    pub what: String,
    /// The target, in words.
    pub target: String,
    /// The compared thing and its result, or a dash.
    pub baseline: String,
    pub measured: String,
    /// The ratio of the two.
    pub ratio: String,
    /// Whether the target is reached; `None` if this program cannot tell.
    pub met: Option<bool>,
}

impl Table {
    /// Adds a row and prints it.
    pub fn row(&mut self, row: Row) {
        println!("{}", line(&row));
        self.rows.push(row);
    }

    /// Adds a text below the table and prints it.
    pub fn note(&mut self, text: String) {
        println!("{text}");
        self.notes.push(text);
    }

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
            // Writing to a string cannot fail.
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

pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// The 95th percentile.
pub fn p95(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[(durations.len() * 95 / 100).min(durations.len() - 1)]
}

/// In milliseconds, with the significant digits only.
pub fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}
