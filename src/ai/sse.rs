//! Reads an event stream (WHATWG HTML, section 9.2.6) from chunks of any size.

/// The longest event, in bytes.
const MAX_EVENT: usize = 1 << 20;

/// Takes chunks and returns the data of each complete event.
#[derive(Debug, Default)]
pub(super) struct EventStream {
    /// The bytes of a line that has not ended.
    line: Vec<u8>,
    /// The data lines of the current event.
    data: Option<String>,
    /// The last byte was a carriage return; its line feed may follow.
    after_return: bool,
}

/// An event is too long or not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl EventStream {
    /// Takes the next chunk. Returns the data of the events that end in it.
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
                    if self.line.len() >= MAX_EVENT {
                        return Err(Unreadable);
                    }
                    self.line.push(*byte);
                }
            }
        }
        Ok(events)
    }

    /// The data of an event that no empty line ended before the stream did. The standard drops it, but some servers end
    /// their streams in this way.
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
        // A line that begins with a colon is a comment; servers send them to keep the connection open.
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) if data.len() + value.len() > MAX_EVENT => return Err(Unreadable),
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
    fn events_do_not_depend_on_the_chunks() {
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
    fn an_endless_event_is_refused() {
        let mut stream = EventStream::default();
        let outcome = (0..MAX_EVENT / 1_000 + 2).try_for_each(|_| stream.push(&[b'x'; 1_000]).map(drop));
        assert_eq!(outcome, Err(Unreadable));
        let mut stream = EventStream::default();
        let outcome = (0..MAX_EVENT / 1_000 + 2)
            .try_for_each(|_| stream.push(format!("data: {}\n", "x".repeat(1_000)).as_bytes()).map(drop));
        assert_eq!(outcome, Err(Unreadable));
        assert_eq!(EventStream::default().push(b"data: \xff\n"), Err(Unreadable));
    }
}
