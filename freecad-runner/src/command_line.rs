//! Reads the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use lexopt::{Arg, Parser};

use crate::local::LocalRun;

const HELP: &str = "\
Runs FreeCAD scripts.

Usage:
  freecad-runner                           poll a bucket until SIGTERM or SIGINT
  freecad-runner run FILE.py... --out DIR  run your own scripts, without a bucket
  freecad-runner check                     report what this machine offers, and try one script

Options:
  -h, --help     print this text; `freecad-runner run --help` explains `run`
  -V, --version  print the version

Settings come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_BUCKET_NAME and more for a bucket.
docs/configuration.md lists them. RUST_LOG sets the log level (default: info).
";

const RUN_HELP: &str = "\
Runs your own scripts, without a bucket.

Usage: freecad-runner run FILE.py... --out DIR

Arguments:
  FILE.py...     the scripts; as many run at once as RUNNER_SLOTS says (default: the number of cores)

Options:
  -o, --out DIR  where the files, log.txt and report.json go; each of several scripts gets its own directory in DIR
  -h, --help     print this text

The exit status is 0 if all scripts completed.
";

const CHECK_HELP: &str = "\
Reports what this machine offers, and tries one script in the jail.

Usage: freecad-runner check

The exit status is 0 if scripts can run here.
";

/// The task on the command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Poll a bucket.
    Poll,
    /// Run local scripts.
    Run(Vec<LocalRun>),
    /// Report what this machine offers.
    Check,
    /// Print a text.
    Print(String),
}

/// Reads the arguments, without the program's name.
///
/// # Errors
/// Says what is wrong and what to do.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = Parser::from_args(arguments);
    match next(&mut parser, "freecad-runner")? {
        None => Ok(Command::Poll),
        Some(Short('h') | Long("help")) => Ok(Command::Print(HELP.to_owned())),
        Some(Short('V') | Long("version")) => {
            Ok(Command::Print(format!("freecad-runner {}\n", env!("CARGO_PKG_VERSION"))))
        }
        Some(Value(command)) if command == "run" => parse_run(&mut parser),
        Some(Value(command)) if command == "check" => match next(&mut parser, "freecad-runner check")? {
            None => Ok(Command::Check),
            Some(Short('h') | Long("help")) => Ok(Command::Print(CHECK_HELP.to_owned())),
            Some(other) => Err(unexpected(other, "freecad-runner check")),
        },
        Some(Value(other)) => {
            Err(format!("{other:?} is not a command. The commands are run and check; see freecad-runner --help."))
        }
        Some(option) => Err(unexpected(option, "freecad-runner")),
    }
}

fn parse_run(parser: &mut Parser) -> Result<Command, String> {
    const RUN: &str = "freecad-runner run";
    let (mut files, mut out) = (Vec::new(), None);
    while let Some(argument) = next(parser, RUN)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Print(RUN_HELP.to_owned())),
            Short('o') | Long("out") if out.is_some() => {
                return Err(
                    "--out is given twice. Give one directory; each of several scripts gets its own in it.".into()
                );
            }
            Short('o') | Long("out") => {
                out = Some(PathBuf::from(parser.value().map_err(|error| with_help(&error.to_string(), RUN))?));
            }
            Value(file) => files.push(PathBuf::from(file)),
            other => return Err(unexpected(other, RUN)),
        }
    }
    if files.is_empty() {
        return Err(with_help("no script is given, such as box.py", RUN));
    }
    let out = out.ok_or_else(|| with_help("--out is missing: the directory for the files", RUN))?;
    LocalRun::plan(&files, &out).map(Command::Run)
}

fn next<'p>(parser: &'p mut Parser, program: &str) -> Result<Option<Arg<'p>>, String> {
    parser.next().map_err(|error| with_help(&error.to_string(), program))
}

fn unexpected(argument: Arg<'_>, program: &str) -> String {
    let problem = match argument {
        Short(letter) => format!("-{letter} is not an option here"),
        Long(name) => format!("--{name} is not an option here"),
        Value(value) => format!("{value:?} is not expected here"),
    };
    with_help(&problem, program)
}

fn with_help(problem: &str, program: &str) -> String {
    format!("{problem}; see {program} --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn run(script: &str, out: &str) -> LocalRun {
        LocalRun { script: script.into(), out: out.into() }
    }

    #[test]
    fn options_and_files_come_in_any_order() {
        for line in ["run a.py --out d", "run --out d a.py", "run a.py --out=d", "run -o d a.py", "run -od -- a.py"] {
            assert_eq!(read(line), Ok(Command::Run(vec![run("a.py", "d")])), "{line}");
        }
        let two = vec![run("a.py", "d/a"), run("-b.py", "d/-b")];
        assert_eq!(read("run a.py --out d -- -b.py"), Ok(Command::Run(two)));
        assert_eq!((read(""), read("check")), (Ok(Command::Poll), Ok(Command::Check)));
    }

    #[test]
    fn every_command_has_help() {
        for (line, start) in [
            ("--help", "Runs FreeCAD scripts"),
            ("-h", "Runs FreeCAD scripts"),
            ("run --help", "Runs your own scripts"),
            ("run a.py -h", "Runs your own scripts"),
            ("check --help", "Reports"),
            ("--version", concat!("freecad-runner ", env!("CARGO_PKG_VERSION"), "\n")),
        ] {
            assert!(matches!(read(line), Ok(Command::Print(text)) if text.starts_with(start)), "{line}");
        }
    }

    #[test]
    fn an_error_says_what_to_do() {
        for (line, problem) in [
            ("walk", "\"walk\" is not a command. The commands are run and check"),
            ("--out d", "--out is not an option here; see freecad-runner --help"),
            ("-x", "-x is not an option here; see freecad-runner --help"),
            ("check now", "\"now\" is not expected here; see freecad-runner check --help"),
            ("run", "no script is given"),
            ("run a.py", "--out is missing"),
            ("run a.py --out", "see freecad-runner run --help"),
            ("run a.py --out d --quiet", "--quiet is not an option here; see freecad-runner run --help"),
            ("run a.py --out d --out e", "--out is given twice"),
            ("run a.py b/a.py --out d", "would both be written to d/a"),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(problem), "{line}: {refused}");
        }
    }
}
