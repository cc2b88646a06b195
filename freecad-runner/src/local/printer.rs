//! Prints from a thread of its own. A stopped terminal, or a slow reader, must not cost a job its time.

use std::cell::Cell;
use std::io::{BufWriter, Write};

use sandbox::Progress;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

/// The most bytes of one script's output that are printed. It limits the text that waits for a slow reader, per slot.
const MAX_PRINTED: usize = 256 << 10;

/// A thread that prints.
pub struct Printer(UnboundedSender<Item>);

enum Item {
    Line(String),
    /// Answered when everything before it is printed.
    Flush(oneshot::Sender<()>),
}

impl Printer {
    /// Starts a thread that prints to `to`.
    pub fn start(to: impl Write + Send + 'static) -> Self {
        let (sender, items) = mpsc::unbounded_channel();
        std::thread::spawn(move || print(items, BufWriter::new(to)));
        Self(sender)
    }

    /// Prints a line, without waiting for it.
    pub fn line(&self, line: String) {
        // If the reader closed the pipe, the files are written all the same.
        let _ = self.0.send(Item::Line(line));
    }

    /// Waits until all lines so far are printed, or the reader is gone.
    pub async fn flush(&self) {
        let (printed, wait) = oneshot::channel();
        let _ = self.0.send(Item::Flush(printed));
        let _ = wait.await;
    }
}

fn print(mut items: UnboundedReceiver<Item>, mut to: BufWriter<impl Write>) {
    while let Some(item) = items.blocking_recv() {
        let printed = match item {
            // A single line appears at once; many lines are written together.
            Item::Line(line) => {
                writeln!(to, "{line}").and_then(|()| if items.is_empty() { to.flush() } else { Ok(()) })
            }
            Item::Flush(printed) => to.flush().map(|()| {
                let _ = printed.send(());
            }),
        };
        if printed.is_err() {
            return;
        }
    }
}

/// The output of one script, with its name before the lines.
pub struct PrefixedOutput<'a> {
    printer: &'a Printer,
    name: &'a str,
    is_alone: bool,
    /// The bytes that the script may still print. `None` after it printed too much.
    remaining: Cell<Option<usize>>,
}

impl<'a> PrefixedOutput<'a> {
    /// `is_alone` says whether the script `name` is the only one.
    pub fn new(printer: &'a Printer, name: &'a str, is_alone: bool) -> Self {
        Self { printer, name, is_alone, remaining: Cell::new(Some(MAX_PRINTED)) }
    }

    /// Prints a line of the runner, after the script's name and a colon.
    pub fn say(&self, line: &str) {
        self.printer.line(format!("{}: {line}", self.name));
    }

    /// Prints a line of the script, after its name and a bar if there are several scripts.
    pub fn quote(&self, line: &str) {
        self.printer.line(if self.is_alone { line.to_owned() } else { format!("{} | {line}", self.name) });
    }

    /// Prints the progress that the engine reports.
    pub fn watch(&self, progress: Progress<'_>) {
        match progress {
            Progress::Phase("script") => self.say("running the script"),
            Progress::Phase("export") => self.say("exporting the model"),
            Progress::Phase(other) => self.say(other),
            Progress::Line(line) => {
                let Some(remaining) = self.remaining.get() else { return };
                self.remaining.set(remaining.checked_sub(line.len() + 1));
                match self.remaining.get() {
                    Some(_) => self.quote(line),
                    None => self.say("prints much; further lines are in the log only"),
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

    /// The printed text; or, if true, a closed pipe.
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

    async fn printed(is_alone: bool, each: impl Fn(&PrefixedOutput<'_>)) -> String {
        let paper = Paper::default();
        let printer = Printer::start(paper.clone());
        each(&PrefixedOutput::new(&printer, "box.py", is_alone));
        printer.flush().await;
        drop(printer);
        String::from_utf8(paper.0.lock().unwrap().clone()).unwrap()
    }

    #[tokio::test]
    async fn lines_of_script_and_runner_differ() {
        let print = |output: &PrefixedOutput<'_>| {
            output.watch(Progress::Phase("script"));
            output.watch(Progress::Line("size 3"));
            output.say("completed");
        };
        assert_eq!(printed(true, print).await, "box.py: running the script\nsize 3\nbox.py: completed\n");
        assert_eq!(printed(false, print).await, "box.py: running the script\nbox.py | size 3\nbox.py: completed\n");
    }

    #[tokio::test]
    async fn a_script_that_prints_much_is_cut() {
        let text = printed(true, |output| {
            (0..MAX_PRINTED).for_each(|_| output.watch(Progress::Line("x")));
            output.say("completed");
        })
        .await;
        assert!(text.len() < MAX_PRINTED + 100, "{}", text.len());
        assert_eq!(text.matches("prints much").count(), 1);
        assert!(text.ends_with("box.py: completed\n"));
    }

    #[tokio::test]
    async fn a_closed_pipe_does_not_block() {
        let printer = Printer::start(Paper(Arc::default(), true));
        for _ in 0..1000 {
            printer.line("x".repeat(1000));
            printer.flush().await;
        }
    }
}
