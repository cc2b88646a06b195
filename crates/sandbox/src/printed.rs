//! Reads the output of a job line by line, at a limited pace: the runner's one thread also sends heartbeats.

use std::cell::RefCell;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::log::{Log, TAIL_BYTES};
use crate::progress::{Progress, Watcher};

/// The bytes of a stream that are read line by line: four times as many as the log keeps. It is limited because a
/// script that prints empty lines makes work with each byte.
const BYTES_READ_BY_LINE: usize = 2 << 20;

/// The bytes of one read after that: as many as a pipe holds.
const BULK_READ_BYTES: usize = 64 << 10;

/// The pause after each such read. It slows an endless script down to about 50 MB a second, and leaves the thread to
/// the other jobs.
const BULK_READ_PAUSE: Duration = Duration::from_millis(1);

/// A longer line comes in pieces, so that it cannot fill the memory.
const MAX_PIECE_BYTES: u64 = 64 << 10;

/// Reads a stream to its end into the log, and passes the lines to `watcher` as long as it reads line by line.
pub(crate) async fn read(pipe: impl AsyncRead + Unpin, log: &RefCell<Log>, watcher: Watcher<'_>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    let mut left = BYTES_READ_BY_LINE;
    while left > 0 {
        let mut piece = (&mut reader).take(MAX_PIECE_BYTES);
        match piece.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                left = left.saturating_sub(read);
                let printed = log.borrow_mut().printed(line.strip_suffix(b"\n").unwrap_or(&line));
                printed.iter().for_each(|line| watcher(Progress::Line(line)));
                line.clear();
            }
        }
    }
    read_rest(reader, log).await;
}

/// Reads the rest, but adds only its end to the log.
async fn read_rest(mut reader: impl AsyncRead + Unpin, log: &RefCell<Log>) {
    let mut end = Vec::with_capacity(2 * TAIL_BYTES + BULK_READ_BYTES);
    let mut skipped = 0;
    while let Ok(1..) = (&mut reader).take(BULK_READ_BYTES as u64).read_buf(&mut end).await {
        if end.len() > 2 * TAIL_BYTES {
            skipped += end.len() - TAIL_BYTES;
            end.drain(..end.len() - TAIL_BYTES);
        }
        tokio::time::sleep(BULK_READ_PAUSE).await;
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
        line.chunks(BULK_READ_BYTES).chain(line.is_empty().then_some(line)).for_each(|piece| drop(log.printed(piece)));
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
    async fn short_output_is_kept_whole() {
        assert_eq!(text_of(b"one\n\ntwo").await, "one\n\ntwo\n");
        assert_eq!(text_of(b"").await, "");
        let long = "x".repeat(70 << 10);
        assert_eq!(text_of(long.as_bytes()).await.lines().count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn long_output_keeps_head_and_tail() {
        let lines: Vec<String> = (0..3_000_000).map(|number| format!("line {number}\n")).collect();
        let printed = lines.concat();
        let text = text_of(printed.as_bytes()).await;
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("\nline 2999998\nline 2999999\n"));
        let note = text.lines().position(|line| line.ends_with(" bytes left out here")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[note + 1].starts_with("line 29"), "no line is cut: {}", lines[note + 1]);
        let left_out: usize = lines[note].split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!(left_out + text.len() - lines[note].len() - 1, printed.len(), "every byte is accounted for");
    }

    #[tokio::test(start_paused = true)]
    async fn many_empty_lines_are_read_fast() {
        let printed = vec![b'\n'; 256 << 20];
        let started = Instant::now();
        let text = text_of(&printed).await;
        // Line by line it takes more than half a minute in a build without optimisation.
        let took = started.elapsed();
        assert!(took < Duration::from_secs(15), "{took:?}");
        assert!(text.len() < 600 << 10);
    }
}
