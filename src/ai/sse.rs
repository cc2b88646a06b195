//! Lines of an event stream (WHATWG HTML, section 9.2.6), as they come in pieces.

/// The longest event that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Takes chunks, gives the data of each event that is complete.
#[derive(Debug, Default)]
pub(super) struct EventStream {
    /// Bytes of a line that has not ended.
    line: Vec<u8>,
    /// The data lines of the event so far.
    data: Option<String>,
    /// The last byte was a carriage return, whose line feed may still come.
    after_return: bool,
}

/// An event is longer than what is read, or no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl EventStream {
    /// Takes the next chunk. Gives the data of the events that it ends.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<String>, Unreadable> {
        let mut events = Vec::new();
        for byte in chunk {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    let line = String::from_utf8(line).map_err(|_| Unreadable)?;
                    events.extend(self.line_ended(&line)?);
                }
                byte => {
                    if self.line.len() >= LONGEST {
                        return Err(Unreadable);
                    }
                    self.line.push(*byte);
                }
            }
        }
        Ok(events)
    }

    /// The data of a last event after which the stream ended without an empty line; the standard drops it, but some
    /// servers end so.
    pub fn end(mut self) -> Result<Option<String>, Unreadable> {
        if !self.line.is_empty() {
            let line = String::from_utf8(std::mem::take(&mut self.line)).map_err(|_| Unreadable)?;
            self.line_ended(&line)?;
        }
        Ok(self.data)
    }

    fn line_ended(&mut self, line: &str) -> Result<Option<String>, Unreadable> {
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        // A line that begins with a colon is a comment, which servers send to keep the connection.
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) if data.len() + value.len() > LONGEST => return Err(Unreadable),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        ": hello\r\n\r\ndata: one\r\ndata:two\r\n\r\nevent: x\ndata: {\"ü\": 1}\nid: 7\n\n\n\ndata\n\ndata: last";

    #[test]
    fn events_come_whole_however_the_bytes_are_cut() {
        for size in [1, 2, 3, 7, TEXT.len()] {
            let (mut stream, mut events) = (EventStream::default(), Vec::new());
            for chunk in TEXT.as_bytes().chunks(size) {
                events.extend(stream.push(chunk).unwrap());
            }
            assert_eq!(events, ["one\ntwo", "{\"ü\": 1}", ""], "{size}");
            assert_eq!(stream.end(), Ok(Some("last".to_owned())));
        }
    }

    #[test]
    fn what_never_ends_is_not_kept() {
        let mut stream = EventStream::default();
        let outcome = (0..LONGEST / 1_000 + 2).try_for_each(|_| stream.push(&[b'x'; 1_000]).map(drop));
        assert_eq!(outcome, Err(Unreadable));
        let mut stream = EventStream::default();
        let outcome = (0..LONGEST / 1_000 + 2)
            .try_for_each(|_| stream.push(format!("data: {}\n", "x".repeat(1_000)).as_bytes()).map(drop));
        assert_eq!(outcome, Err(Unreadable));
        assert_eq!(EventStream::default().push(b"data: \xff\n"), Err(Unreadable));
    }
}
