//! What a script prints: cleaned line by line, head and tail kept.

use std::collections::VecDeque;

/// How much of the beginning is kept, in bytes, and how much of the end.
const HEAD: usize = 256 << 10;
pub(crate) const TAIL: usize = 256 << 10;

/// The longest line that is kept whole.
const LONGEST_LINE: usize = 16 << 10;

/// What the runner's own lines begin with, and what is put before others that do.
const RUNNER: &str = "[runner]";
const PRINTED: &str = "|";

/// The log of one job.
#[derive(Debug, Default)]
pub struct Log {
    head: String,
    tail: VecDeque<String>,
    tail_bytes: usize,
    left_out: usize,
}

impl Log {
    /// Adds one of the runner's own lines. Should it have further lines, those are a script's (a message, say) and are
    /// taken as printed.
    pub fn note(&mut self, text: &str) {
        let mut lines = text.lines();
        let first = shown(lines.next().unwrap_or_default().as_bytes()).unwrap_or_default();
        self.push(&format!("{RUNNER} {first}"));
        lines.for_each(|line| drop(self.printed(line.as_bytes())));
    }

    /// Counts printed bytes that nobody has looked at. What was kept of the end goes too: it came before them.
    pub fn skipped(&mut self, bytes: usize) {
        self.left_out += bytes + std::mem::take(&mut self.tail_bytes);
        self.tail.clear();
    }

    /// Adds a line that was printed, and gives it as it was added; progress bars vanish. One that looks like the
    /// runner's own is marked.
    pub fn printed(&mut self, line: &[u8]) -> Option<String> {
        let line = shown(line)?;
        // Spaces and invisible letters before it would make it look so, too.
        let poses = line.trim_start_matches(|letter: char| !letter.is_ascii_graphic()).starts_with(RUNNER);
        let line = if poses { format!("{PRINTED} {line}") } else { line };
        self.push(&line);
        Some(line)
    }

    fn push(&mut self, line: &str) {
        let line = format!("{line}\n");
        if self.tail.is_empty() && self.left_out == 0 && self.head.len() + line.len() <= HEAD {
            self.head.push_str(&line);
            return;
        }
        self.tail_bytes += line.len();
        self.tail.push_back(line);
        while self.tail_bytes > TAIL {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.len();
            self.left_out += oldest.len();
        }
    }

    /// The whole log.
    pub fn text(&self) -> String {
        let mut text = self.head.clone();
        if self.left_out > 0 {
            text.push_str(&format!("{RUNNER} {} bytes left out here\n", self.left_out));
        }
        text.extend(self.tail.iter().map(String::as_str));
        text
    }
}

/// A line from a job as it may be shown to people: cleaned, and cut to size. None for a line that was nothing but
/// progress.
pub fn shown(line: &[u8]) -> Option<String> {
    clean(&String::from_utf8_lossy(line)).map(cut)
}

fn cut(mut line: String) -> String {
    if line.len() > LONGEST_LINE {
        line.truncate(line.floor_char_boundary(LONGEST_LINE));
        line.push_str(" […]");
    }
    line
}

/// The line as a terminal would show it in the end: without control sequences and what a carriage return overwrote.
/// None for a line that was nothing but progress.
fn clean(line: &str) -> Option<String> {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_sequence(&mut letters),
            '\t' | '\r' => plain.push(letter),
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    let mut had_progress = false;
    let mut shown = "";
    for part in plain.trim_end_matches('\r').split('\r') {
        if is_progress(part) {
            had_progress = true;
        } else if !part.trim().is_empty() {
            shown = part;
        }
    }
    (!(shown.is_empty() && had_progress)).then(|| shown.to_owned())
}

/// Skips what follows an escape: `[…letter` (ECMA-48 CSI), `]…BEL` (OSC), or one letter.
fn skip_sequence(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match letters.next() {
        Some('[') => while letters.next().is_some_and(|letter| !('@'..='~').contains(&letter)) {},
        Some(']') => while letters.next().is_some_and(|letter| letter != '\u{7}') {},
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
    fn lines_as_a_terminal_shows_them() {
        let check = |line: &str, shown: Option<&str>| assert_eq!(clean(line).as_deref(), shown, "{line:?}");
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
    fn head_and_tail_are_kept() {
        let mut log = Log::default();
        for number in 0..100_000 {
            log.printed(format!("line {number}").as_bytes());
        }
        log.note("the end");
        let text = log.text();
        assert!(text.starts_with("line 0\nline 1\n"));
        assert!(text.ends_with("line 99999\n[runner] the end\n"));
        assert!(text.contains(" bytes left out here\n"));
        assert!(text.len() < HEAD + TAIL + 100);
    }

    #[test]
    fn nobody_speaks_for_the_runner() {
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
    fn an_endless_line_is_cut() {
        let mut log = Log::default();
        log.printed("é".repeat(LONGEST_LINE).as_bytes());
        assert!(log.text().len() < LONGEST_LINE + 20);
    }
}
