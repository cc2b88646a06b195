//! The output of a script: each line cleaned, and only head and tail kept.

use std::collections::VecDeque;

/// The bytes that the log keeps of the beginning and of the end.
const HEAD_BYTES: usize = 256 << 10;
pub(crate) const TAIL_BYTES: usize = 256 << 10;

/// A longer line is cut.
const MAX_LINE_BYTES: usize = 16 << 10;

/// The prefix of the runner's own lines, and the mark of printed lines that imitate them.
const RUNNER_PREFIX: &str = "[runner]";
const PRINTED_MARK: &str = "|";

/// The log of one job.
#[derive(Debug, Default)]
pub struct Log {
    head: String,
    tail: VecDeque<String>,
    tail_bytes: usize,
    left_out: usize,
}

impl Log {
    /// Adds one of the runner's own lines. Further lines of `text` come from the script, for example from an error
    /// message, and count as printed.
    pub fn note(&mut self, text: &str) {
        let mut lines = text.lines();
        let first = printable(lines.next().unwrap_or_default().as_bytes()).unwrap_or_default();
        self.push(&format!("{RUNNER_PREFIX} {first}"));
        lines.for_each(|line| drop(self.printed(line.as_bytes())));
    }

    /// Counts printed bytes that were not read. It drops the end kept so far, because that came before them.
    pub(crate) fn skipped(&mut self, bytes: usize) {
        self.left_out += bytes + std::mem::take(&mut self.tail_bytes);
        self.tail.clear();
    }

    /// Adds a printed line and returns it as added, or `None` for a progress bar. A line that looks like the runner's
    /// own gets a mark.
    pub(crate) fn printed(&mut self, line: &[u8]) -> Option<String> {
        let line = printable(line)?;
        // It also looks like one after spaces and invisible characters.
        let is_imitation = line.trim_start_matches(|c: char| !c.is_ascii_graphic()).starts_with(RUNNER_PREFIX);
        let line = if is_imitation { format!("{PRINTED_MARK} {line}") } else { line };
        self.push(&line);
        Some(line)
    }

    fn push(&mut self, line: &str) {
        let line = format!("{line}\n");
        if self.tail.is_empty() && self.left_out == 0 && self.head.len() + line.len() <= HEAD_BYTES {
            self.head.push_str(&line);
            return;
        }
        self.tail_bytes += line.len();
        self.tail.push_back(line);
        while self.tail_bytes > TAIL_BYTES {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.len();
            self.left_out += oldest.len();
        }
    }

    /// The whole log, with a line where bytes are left out.
    pub fn text(&self) -> String {
        let mut text = self.head.clone();
        if self.left_out > 0 {
            text.push_str(&format!("{RUNNER_PREFIX} {} bytes left out here\n", self.left_out));
        }
        text.extend(self.tail.iter().map(String::as_str));
        text
    }
}

/// Makes a line from a job safe to print: cleaned, and cut to size. `None` for a progress bar.
pub fn printable(line: &[u8]) -> Option<String> {
    clean(&String::from_utf8_lossy(line)).map(cut)
}

fn cut(mut line: String) -> String {
    if line.len() > MAX_LINE_BYTES {
        line.truncate(line.floor_char_boundary(MAX_LINE_BYTES));
        line.push_str(" […]");
    }
    line
}

/// The line as a terminal shows it in the end: without control sequences, and without text that a carriage return
/// overwrote. `None` for a progress bar.
fn clean(line: &str) -> Option<String> {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut characters),
            '\t' | '\r' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    let mut had_progress = false;
    let mut last = "";
    for part in plain.trim_end_matches('\r').split('\r') {
        if is_progress(part) {
            had_progress = true;
        } else if !part.trim().is_empty() {
            last = part;
        }
    }
    (!(last.is_empty() && had_progress)).then(|| last.to_owned())
}

/// Skips the rest of an escape sequence: a CSI sequence (`[` to a character from `@` to `~`, ECMA-48), an OSC sequence
/// (`]` to BEL), or one character.
fn skip_sequence(characters: &mut std::str::Chars<'_>) {
    match characters.next() {
        Some('[') => while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']') => while characters.next().is_some_and(|c| c != '\u{7}') {},
        _ => {}
    }
}

/// FreeCAD's progress bar: `(42 %)` between tabs.
fn is_progress(part: &str) -> bool {
    let inner = part.trim().strip_prefix('(').and_then(|part| part.strip_suffix("%)"));
    inner.is_some_and(|number| number.trim().parse::<f32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_as_on_a_terminal() {
        let check = |line: &str, expected: Option<&str>| assert_eq!(clean(line).as_deref(), expected, "{line:?}");
        check("plain", Some("plain"));
        check("", Some(""));
        check("\u{1b}[31mred\u{1b}[0m", Some("red"));
        check("\u{1b}]0;title\u{7}text", Some("text"));
        check("\t(12 %)\t\r\t(99 %)\t\r", None);
        check("\t(12 %)\t\rdone", Some("done"));
        check("first\rsecond", Some("second"));
        check("be\u{0}ll\u{7}", Some("bell"));
        check("windows\r", Some("windows"));
    }

    #[test]
    fn the_log_keeps_head_and_tail() {
        let mut log = Log::default();
        for number in 0..100_000 {
            log.printed(format!("line {number}").as_bytes());
        }
        log.note("the end");
        let text = log.text();
        assert!(text.starts_with("line 0\nline 1\n"));
        assert!(text.ends_with("line 99999\n[runner] the end\n"));
        assert!(text.contains(" bytes left out here\n"));
        assert!(text.len() < HEAD_BYTES + TAIL_BYTES + 100);
    }

    #[test]
    fn imitated_runner_lines_are_marked() {
        let mut log = Log::default();
        log.printed(b"[runner] completed");
        log.printed("\u{200b} \t[runner] completed".as_bytes());
        log.printed(b"first\r\x1b[0m[run\x00ner] completed");
        log.printed(b"a [runner] of marathons");
        log.note("script_error: no\n[runner] completed\n\x1b[2Jmore");
        let text = log.text();
        assert_eq!(
            text,
            "| [runner] completed\n| \u{200b} \t[runner] completed\n| [runner] completed\na [runner] of marathons\n\
             [runner] script_error: no\n| [runner] completed\nmore\n"
        );
    }

    #[test]
    fn a_long_line_is_cut() {
        let mut log = Log::default();
        log.printed("é".repeat(MAX_LINE_BYTES).as_bytes());
        assert!(log.text().len() < MAX_LINE_BYTES + 20);
    }
}
