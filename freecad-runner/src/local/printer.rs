//! Prints without holding the engine up: a terminal that was halted, or a slow reader, must not cost a job its time.

use std::cell::Cell;
use std::io::{BufWriter, Write};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use sandbox::Progress;

/// The most that is shown of what one script prints, in bytes. That much, for each slot, is what can wait for a reader.
const MOST: usize = 256 << 10;

/// A thread that prints.
pub struct Printer(UnboundedSender<Item>);

enum Item {
    Line(String),
    /// Everything before it has been printed.
    Reached(oneshot::Sender<()>),
}

impl Printer {
    /// Starts one that prints to `to`.
    pub fn start(to: impl Write + Send + 'static) -> Self {
        let (sender, items) = mpsc::unbounded_channel();
        std::thread::spawn(move || print(items, BufWriter::new(to)));
        Self(sender)
    }

    /// Has a line printed; does not wait for it.
    pub fn line(&self, line: String) {
        // Who has closed the pipe wants to read no more; the files are made all the same.
        let _ = self.0.send(Item::Line(line));
    }

    /// Waits until all lines so far have been printed, or nobody reads them any more.
    pub async fn reached(&self) {
        let (reached, wait) = oneshot::channel();
        let _ = self.0.send(Item::Reached(reached));
        let _ = wait.await;
    }
}

fn print(mut items: UnboundedReceiver<Item>, mut to: BufWriter<impl Write>) {
    while let Some(item) = items.blocking_recv() {
        let printed = match item {
            // A line is seen at once, and many at once cost little.
            Item::Line(line) => {
                writeln!(to, "{line}").and_then(|()| if items.is_empty() { to.flush() } else { Ok(()) })
            }
            Item::Reached(reached) => to.flush().map(|()| {
                let _ = reached.send(());
            }),
        };
        if printed.is_err() {
            return;
        }
    }
}

/// What is printed of one script.
pub struct Voice<'a> {
    printer: &'a Printer,
    name: &'a str,
    is_alone: bool,
    /// What may still be shown of the script's lines; none once it was too much.
    room: Cell<Option<usize>>,
}

impl<'a> Voice<'a> {
    /// The voice of the script `name`, which is the only one that is run or not.
    pub fn new(printer: &'a Printer, name: &'a str, is_alone: bool) -> Self {
        Self { printer, name, is_alone, room: Cell::new(Some(MOST)) }
    }

    /// One of the runner's own lines: it begins with the script's name and a colon.
    pub fn say(&self, line: &str) {
        self.printer.line(format!("{}: {line}", self.name));
    }

    /// A line of the script's: as it is where the script is alone, else after its name and a bar.
    pub fn quote(&self, line: &str) {
        self.printer.line(if self.is_alone { line.to_owned() } else { format!("{} | {line}", self.name) });
    }

    /// What the engine tells.
    pub fn watch(&self, progress: Progress<'_>) {
        match progress {
            Progress::Phase("script") => self.say("running the script"),
            Progress::Phase("export") => self.say("exporting the model"),
            Progress::Phase(other) => self.say(other),
            Progress::Line(line) => {
                let Some(room) = self.room.get() else { return };
                self.room.set(room.checked_sub(line.len() + 1));
                match self.room.get() {
                    Some(_) => self.quote(line),
                    None => self.say("prints much; more of it is in the log alone"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was printed; or a pipe that nobody reads.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>, bool);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn printed(is_alone: bool, each: impl Fn(&Voice<'_>)) -> String {
        let paper = Paper::default();
        let printer = Printer::start(paper.clone());
        each(&Voice::new(&printer, "box.py", is_alone));
        printer.reached().await;
        drop(printer);
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[tokio::test]
    async fn a_script_s_lines_and_the_runner_s_are_told_apart() {
        let talk = |voice: &Voice<'_>| {
            voice.watch(Progress::Phase("script"));
            voice.watch(Progress::Line("size 3"));
            voice.say("completed");
        };
        assert_eq!(printed(true, talk).await, "box.py: running the script\nsize 3\nbox.py: completed\n");
        assert_eq!(printed(false, talk).await, "box.py: running the script\nbox.py | size 3\nbox.py: completed\n");
    }

    #[tokio::test]
    async fn a_script_that_prints_much_is_shown_in_part() {
        let text = printed(true, |voice| {
            (0..MOST).for_each(|_| voice.watch(Progress::Line("x")));
            voice.say("completed");
        })
        .await;
        assert!(text.len() < MOST + 100, "{}", text.len());
        assert_eq!(text.matches("prints much").count(), 1);
        assert!(text.ends_with("box.py: completed\n"));
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_is_not_waited_for() {
        let printer = Printer::start(Paper(Arc::default(), true));
        for _ in 0..1000 {
            printer.line("x".repeat(1000));
            printer.reached().await;
        }
    }
}
