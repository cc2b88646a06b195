//! How a job ended. The result event is believed; without one the process's death speaks; exit status never does.

use contract::{JobError, JobErrorCode, Outcome};

use super::child::Observed;
use super::event::{JobResult, SaidOutcome};
use super::jail::CPU_GRACE;
use super::{Finished, MadeFile};
use crate::config::Limits;

/// Why the script was never begun, where it was not: then there is nothing to judge, and the runner is at fault.
pub(crate) fn never_began(observed: &Observed) -> Option<String> {
    let Observed { said, death, over_time, log, .. } = observed;
    if let Some(failure) = &said.jail_failure {
        return Some(format!("the jail could not be entered: {failure}"));
    }
    if said.script_began {
        return None;
    }
    let end = match death {
        _ if *over_time => "was still not ready when the job's time was up".to_owned(),
        Death::Exit(status) => format!("ended with status {status}"),
        Death::Signal(signal) => format!("was ended by {}", signal_name(*signal)),
    };
    let (phase, text) = (said.phase.as_deref().unwrap_or("none"), log.text());
    let last = text.lines().next_back().unwrap_or("it printed nothing");
    Some(format!("the job's process {end} before it began the script (phase: {phase}): {last}"))
}

/// Judges one job whose script was begun.
pub(crate) fn judge(observed: Observed, display_name: &str, limits: Limits) -> Finished {
    let Observed { said, death, over_time, cpu, mut log } = observed;
    let seconds = limits.seconds.as_secs();
    let (outcome, error) = match (&said.result, death) {
        (Some(result), _) => believed(result),
        (None, _) if over_time => (Outcome::TimedOut, Some(out_of_time(seconds))),
        (None, Death::Signal(libc::SIGXCPU)) => (Outcome::TimedOut, Some(out_of_time(seconds))),
        // It ignored that one and came to the hard limit. The kernel's count may differ by its ticks.
        (None, Death::Signal(libc::SIGKILL)) if cpu.as_secs_f64() > (seconds + CPU_GRACE) as f64 - 0.5 => {
            (Outcome::TimedOut, Some(out_of_time(seconds)))
        }
        (None, Death::Signal(signal)) => (Outcome::Failed, Some(crashed(signal, &log.text(), display_name))),
        (None, Death::Exit(_)) => (Outcome::Failed, Some(left_early())),
    };
    if let Some(error) = &error {
        for line in error.traceback.iter().flat_map(|traceback| traceback.lines()) {
            log.printed(line.as_bytes());
        }
        log.note(&format!("{}: {error}", error.code));
    }
    let Some(result) = said.result else {
        return Finished {
            outcome,
            error,
            geometry: None,
            files: Vec::new(),
            mesh: None,
            timings_ms: Default::default(),
            warnings: Vec::new(),
            engine: None,
            log,
        };
    };
    for warning in &result.warnings {
        log.note(&format!("warning: {warning}"));
    }
    let made = |file: super::event::SaidFile| MadeFile { format: file.format, name: file.name, made_by: file.made_by };
    Finished {
        outcome,
        error,
        geometry: result.geometry,
        files: result.files.into_iter().map(made).collect(),
        mesh: result.mesh,
        timings_ms: result.timings_ms,
        warnings: result.warnings,
        engine: result.engine,
        log,
    }
}

/// How the process died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    Exit(i32),
    Signal(i32),
}

fn believed(result: &JobResult) -> (Outcome, Option<JobError>) {
    match (result.outcome, &result.error) {
        (SaidOutcome::Completed, _) => (Outcome::Completed, None),
        (SaidOutcome::Failed, Some(error)) => (Outcome::Failed, Some(error.clone())),
        (SaidOutcome::Failed, None) => {
            (Outcome::Failed, Some(JobError::new(JobErrorCode::ScriptError, "The script failed")))
        }
    }
}

fn out_of_time(seconds: u64) -> JobError {
    let message = format!("The script was still running after {seconds} s, the most that a job gets, and was stopped");
    JobError::new(JobErrorCode::ScriptTimeout, &message)
}

fn left_early() -> JobError {
    let message = "The script ended its own process (os._exit or the like) before its model could be exported";
    JobError::new(JobErrorCode::ScriptExited, message)
}

fn crashed(signal: i32, log: &str, display_name: &str) -> JobError {
    let name = signal_name(signal);
    let message = match signal {
        libc::SIGKILL => "The script's process was killed, most likely because it used too much memory".to_owned(),
        _ => format!("FreeCAD crashed ({name}) while it ran the script"),
    };
    JobError { line: crash_line(log, display_name), ..JobError::new(JobErrorCode::Crashed, &message) }
}

fn signal_name(signal: i32) -> &'static str {
    nix::sys::signal::Signal::try_from(signal).map_or("an unknown signal", |signal| signal.as_str())
}

/// The script's line in Python's own dump of a crash: the innermost frame comes first.
fn crash_line(log: &str, display_name: &str) -> Option<u32> {
    let dump = &log[log.rfind("Fatal Python error")?..];
    let frame = format!("File \"{display_name}\", line ");
    let number = &dump[dump.find(&frame)? + frame.len()..];
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Log;
    use crate::event;

    const LIMITS: Limits = Limits { seconds: Duration::from_secs(7), memory: 1 << 30, output: 1 << 20 };

    fn judge_one(said: &str, death: Death, over_time: bool, printed: &[&str]) -> Finished {
        let mut log = Log::default();
        printed.iter().for_each(|line| drop(log.printed(line.as_bytes())));
        judge(observed(said, death, over_time, Duration::ZERO, log), "demo_v1.py", LIMITS)
    }

    fn observed(said: &str, death: Death, over_time: bool, cpu: Duration, log: Log) -> Observed {
        Observed { said: event::parse(said.as_bytes()), death, over_time, cpu, log }
    }

    #[test]
    fn exit_status_is_never_believed() {
        let done = "{\"event\":\"result\",\"outcome\":\"completed\"}";
        assert_eq!(judge_one(done, Death::Exit(1), false, &[]).outcome, Outcome::Completed);
        let silent = judge_one("", Death::Exit(0), false, &[]);
        assert_eq!(silent.outcome, Outcome::Failed);
        assert_eq!(silent.error.unwrap().code, JobErrorCode::ScriptExited);
    }

    #[test]
    fn a_script_that_was_not_begun_is_not_blamed() {
        let look = |said: &str, death, printed: &str| {
            let mut log = Log::default();
            log.printed(printed.as_bytes());
            never_began(&observed(said, death, false, Duration::ZERO, log))
        };
        let phase = |name: &str| format!("{{\"event\":\"phase\",\"phase\":\"{name}\"}}\n");
        let why = look("", Death::Exit(70), "Traceback\nImportError: no module\n").unwrap();
        assert!(why.contains("status 70") && why.contains("ImportError"), "{why}");
        let why = look(&phase("ready"), Death::Signal(libc::SIGSEGV), "").unwrap();
        assert!(why.contains("SIGSEGV") && why.contains("ready"), "{why}");
        let result = "{\"event\":\"result\",\"outcome\":\"failed\"}\n";
        assert!(look(&(phase("ready") + result), Death::Exit(0), "").is_some(), "a failure of the job's own code");
        let jail = "{\"event\":\"jail_failed\",\"step\":\"seccomp\",\"reason\":\"no\"}\n";
        assert!(look(jail, Death::Exit(71), "").unwrap().contains("seccomp"));

        // What a script can write comes after that it was begun.
        let begun = phase("ready") + &phase("script");
        assert_eq!(look(&begun, Death::Exit(0), ""), None);
        assert_eq!(look(&(begun.clone() + &phase("ready")), Death::Exit(70), ""), None);
        assert_eq!(look(&(begun + jail), Death::Exit(71), ""), None);
    }

    #[test]
    fn the_traceback_is_in_the_log() {
        let said = "{\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"script_error\",\
                    \"message\":\"ValueError: no\",\"line\":7,\"traceback\":\"Traceback\\n  line 7\\n\"}}";
        let log = judge_one(said, Death::Exit(0), false, &["printed"]).log.text();
        assert_eq!(log, "printed\nTraceback\n  line 7\n[runner] script_error: ValueError: no (line 7)\n");
        let said = "{\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"syntax_error\",\
                    \"message\":\"SyntaxError: no\",\"line\":7,\"column\":3}}";
        let log = judge_one(said, Death::Exit(0), false, &[]).log.text();
        assert_eq!(log, "[runner] syntax_error: SyntaxError: no (line 7, column 3)\n");
    }

    #[test]
    fn a_crash_has_the_script_s_line() {
        let dump = [
            "Fatal Python error: Segmentation fault",
            "Current thread 0x1 (most recent call first):",
            "  File \"/usr/lib/python3/ctypes.py\", line 514 in string_at",
            "  File \"demo_v1.py\", line 12 in crash",
            "  File \"demo_v1.py\", line 20 in <module>",
        ];
        let error = judge_one("", Death::Signal(libc::SIGSEGV), false, &dump).error.unwrap();
        assert_eq!((error.code, error.line), (JobErrorCode::Crashed, Some(12)));
        assert!(error.message.contains("SIGSEGV"));
    }

    #[test]
    fn time_is_up_by_the_wall_or_the_processor() {
        for (death, over_time) in [(Death::Signal(libc::SIGKILL), true), (Death::Signal(libc::SIGXCPU), false)] {
            let finished = judge_one("", death, over_time, &[]);
            assert_eq!(finished.outcome, Outcome::TimedOut);
            assert!(finished.error.unwrap().message.contains("7 s"));
        }
    }

    #[test]
    fn a_kill_at_the_hard_limit_of_processor_time_is_no_lack_of_memory() {
        // All threads count, so it comes before the time on the wall is up. The limit is 7 s.
        for (cpu, outcome) in [(9.0, Outcome::TimedOut), (8.9, Outcome::TimedOut), (8.0, Outcome::Failed)] {
            let cpu = Duration::from_secs_f64(cpu);
            let killed = observed("", Death::Signal(libc::SIGKILL), false, cpu, Log::default());
            assert_eq!(judge(killed, "demo_v1.py", LIMITS).outcome, outcome, "{cpu:?}");
        }
    }
}
