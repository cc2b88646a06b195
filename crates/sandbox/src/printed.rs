//! Reads what a job prints, line by line, without letting it take the runner's one thread, which also sends heartbeats.

use std::cell::RefCell;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use super::log::{Log, TAIL};
use super::progress::{Progress, Watcher};

/// How much of a stream is read line by line, in bytes: four times what the log keeps. A script that prints empty lines
/// makes work of each byte.
const CAREFULLY: usize = 2 << 20;

/// How much is read at once of what comes after that: as much as a pipe holds.
const AT_ONCE: usize = 64 << 10;

/// How long is waited after each such read. A script that prints without end waits too, at some 50 MB a second, and the
/// thread is left to the others.
const PAUSE: Duration = Duration::from_millis(1);

/// The longest piece of a line without an end.
const LONGEST_PIECE: u64 = 64 << 10;

/// Reads a stream to its end into the log, and tells `watcher` each line.
pub(crate) async fn read(pipe: impl AsyncRead + Unpin, log: &RefCell<Log>, watcher: Watcher<'_>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut left = CAREFULLY;
    while left > 0 {
        // A line without an end comes in pieces, so that it cannot fill the memory.
        let mut piece = (&mut reader).take(LONGEST_PIECE);
        match piece.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                left = left.saturating_sub(read);
                let said = log.borrow_mut().printed(line.strip_suffix(b"\n").unwrap_or(&line));
                said.iter().for_each(|line| watcher(Progress::Line(line)));
                line.clear();
            }
        }
    }
    read_end(reader, log).await;
}

/// Reads the rest, of which only the end is looked at.
async fn read_end(mut reader: impl AsyncRead + Unpin, log: &RefCell<Log>) {
    let mut end = Vec::with_capacity(2 * TAIL + AT_ONCE);
    let mut skipped = 0;
    while let Ok(1..) = (&mut reader).take(AT_ONCE as u64).read_buf(&mut end).await {
        if end.len() > 2 * TAIL {
            skipped += end.len() - TAIL;
            end.drain(..end.len() - TAIL);
        }
        tokio::time::sleep(PAUSE).await;
    }
    let mut log = log.borrow_mut();
    let mut rest = end.as_slice();
    if skipped > 0 {
        // The first line has lost its beginning.
        let whole = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        log.skipped(skipped + whole);
        rest = &rest[whole..];
    }
    for line in rest.strip_suffix(b"\n").unwrap_or(rest).split(|byte| *byte == b'\n') {
        line.chunks(AT_ONCE).chain(line.is_empty().then_some(line)).for_each(|piece| drop(log.printed(piece)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    async fn text_of(printed: &[u8]) -> String {
        let log = RefCell::default();
        read(printed, &log, &crate::progress::unwatched).await;
        log.into_inner().text()
    }

    #[tokio::test]
    async fn little_is_read_as_it_is() {
        assert_eq!(text_of(b"one\n\ntwo").await, "one\n\ntwo\n");
        assert_eq!(text_of(b"").await, "");
        let long = "x".repeat(70 << 10);
        assert_eq!(text_of(long.as_bytes()).await.lines().count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn of_much_the_beginning_and_the_end_are_kept() {
        let lines: Vec<String> = (0..3_000_000).map(|number| format!("line {number}\n")).collect();
        let printed = lines.concat();
        let text = text_of(printed.as_bytes()).await;
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("\nline 2999998\nline 2999999\n"));
        let note = text.lines().position(|line| line.ends_with(" bytes left out here")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[note + 1].starts_with("line 29"), "no line is cut: {}", lines[note + 1]);
        let said: usize = lines[note].split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(said + text.len() - lines[note].len() - 1, printed.len(), "every byte is accounted for");
    }

    #[tokio::test(start_paused = true)]
    async fn lines_without_end_take_no_time() {
        let printed = vec![b'\n'; 256 << 20];
        let started = Instant::now();
        let text = text_of(&printed).await;
        // Line by line it is half a minute and more in a build without optimisation.
        let took = started.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        assert!(text.len() < 600 << 10);
    }
}
