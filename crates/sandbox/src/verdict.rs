//! How a job ended. The result event decides; without one, the way the process died. The exit status never counts,
//! because FreeCAD exits with 0 after errors.

use contract::{JobError, JobErrorCode, Outcome};

use crate::config::Limits;
use crate::event::{JobResult, ReportedOutcome};
use crate::finished::Finished;
use crate::jail::CPU_GRACE_SECONDS;
use crate::observed::{Death, Observed};

/// The reason why the script did not begin, or `None` if it began. If it did not, the runner is at fault.
pub(crate) fn failed_before_script(observed: &Observed) -> Option<String> {
    let Observed { events, death, over_time, log, .. } = observed;
    if let Some(failure) = &events.jail_failure {
        return Some(format!("the job's process failed to enter the jail: {failure}"));
    }
    if events.script_began {
        return None;
    }
    let end = match death {
        _ if *over_time => "did not get ready within the job's time limit".to_owned(),
        Death::Exit(status) => format!("exited with status {status}"),
        Death::Signal(signal) => format!("was killed by {}", signal_name(*signal)),
    };
    let (phase, text) = (events.phase.as_deref().unwrap_or("none"), log.text());
    let last = text.lines().next_back().unwrap_or("it printed nothing");
    Some(format!("the job's process {end} (phase: {phase}): {last}"))
}

/// Judges one job whose script began.
pub(crate) fn judge(observed: Observed, display_name: &str, limits: Limits) -> Finished {
    let Observed { events, death, over_time, cpu, mut log } = observed;
    let seconds = limits.seconds.as_secs();
    let (outcome, error) = match (&events.result, death) {
        (Some(result), _) => reported(result),
        (None, _) if over_time => (Outcome::TimedOut, Some(out_of_time(seconds))),
        (None, Death::Signal(libc::SIGXCPU)) => (Outcome::TimedOut, Some(out_of_time(seconds))),
        // It ignored SIGXCPU and reached the hard limit. The kernel's count may differ by some of its ticks.
        (None, Death::Signal(libc::SIGKILL)) if cpu.as_secs_f64() > (seconds + CPU_GRACE_SECONDS) as f64 - 0.5 => {
            (Outcome::TimedOut, Some(out_of_time(seconds)))
        }
        (None, Death::Signal(signal)) => (Outcome::Failed, Some(crashed(signal, &log.text(), display_name))),
        (None, Death::Exit(_)) => (Outcome::Failed, Some(exited_early())),
    };
    if let Some(error) = &error {
        for line in error.traceback.iter().flat_map(|traceback| traceback.lines()) {
            log.printed(line.as_bytes());
        }
        log.note(&format!("{}: {error}", error.code));
    }
    let JobResult { geometry, files, mesh, timings_ms, warnings, engine, .. } = events.result.unwrap_or_default();
    for warning in &warnings {
        log.note(&format!("warning: {warning}"));
    }
    Finished { outcome, error, geometry, files, mesh, timings_ms, warnings, engine, log }
}

fn reported(result: &JobResult) -> (Outcome, Option<JobError>) {
    match (result.outcome, &result.error) {
        (ReportedOutcome::Completed, _) => (Outcome::Completed, None),
        (ReportedOutcome::Failed, Some(error)) => (Outcome::Failed, Some(error.clone())),
        (ReportedOutcome::Failed, None) => {
            (Outcome::Failed, Some(JobError::new(JobErrorCode::ScriptError, "The script failed")))
        }
    }
}

fn out_of_time(seconds: u64) -> JobError {
    let message = format!("The script was stopped after {seconds} s, the time limit of a job");
    JobError::new(JobErrorCode::ScriptTimeout, &message)
}

fn exited_early() -> JobError {
    let message = "The script ended its own process, for example with os._exit, before its model was exported";
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

/// The script's line in Python's own dump of a crash, in which the innermost frame comes first.
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
    use crate::event;
    use crate::log::Log;

    const LIMITS: Limits = Limits { seconds: Duration::from_secs(7), memory: 1 << 30, output: 1 << 20 };

    fn judge_one(events: &str, death: Death, over_time: bool, printed: &[&str]) -> Finished {
        let mut log = Log::default();
        printed.iter().for_each(|line| drop(log.printed(line.as_bytes())));
        judge(observed(events, death, over_time, Duration::ZERO, log), "demo_v1.py", LIMITS)
    }

    fn observed(events: &str, death: Death, over_time: bool, cpu: Duration, log: Log) -> Observed {
        Observed { events: event::parse(events.as_bytes()), death, over_time, cpu, log }
    }

    #[test]
    fn the_exit_status_never_counts() {
        let done = "{\"event\":\"result\",\"outcome\":\"completed\"}";
        assert_eq!(judge_one(done, Death::Exit(1), false, &[]).outcome, Outcome::Completed);
        let silent = judge_one("", Death::Exit(0), false, &[]);
        assert_eq!(silent.outcome, Outcome::Failed);
        assert_eq!(silent.error.unwrap().code, JobErrorCode::ScriptExited);
    }

    #[test]
    fn a_script_that_did_not_begin_is_not_blamed() {
        let reason = |events: &str, death, printed: &str| {
            let mut log = Log::default();
            log.printed(printed.as_bytes());
            failed_before_script(&observed(events, death, false, Duration::ZERO, log))
        };
        let phase = |name: &str| format!("{{\"event\":\"phase\",\"phase\":\"{name}\"}}\n");
        let failure = reason("", Death::Exit(70), "Traceback\nImportError: no module\n").unwrap();
        assert!(failure.contains("status 70") && failure.contains("ImportError"), "{failure}");
        let failure = reason(&phase("ready"), Death::Signal(libc::SIGSEGV), "").unwrap();
        assert!(failure.contains("SIGSEGV") && failure.contains("ready"), "{failure}");
        let result = "{\"event\":\"result\",\"outcome\":\"failed\"}\n";
        assert!(reason(&(phase("ready") + result), Death::Exit(0), "").is_some(), "a failure of the job's own code");
        let jail = "{\"event\":\"jail_failed\",\"step\":\"seccomp\",\"reason\":\"no\"}\n";
        assert!(reason(jail, Death::Exit(71), "").unwrap().contains("seccomp"));

        // A script can only write after it has started.
        let begun = phase("ready") + &phase("script");
        assert_eq!(reason(&begun, Death::Exit(0), ""), None);
        assert_eq!(reason(&(begun.clone() + &phase("ready")), Death::Exit(70), ""), None);
        assert_eq!(reason(&(begun + jail), Death::Exit(71), ""), None);
    }

    #[test]
    fn the_log_has_the_traceback() {
        let result = "{\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"script_error\",\
                    \"message\":\"ValueError: no\",\"line\":7,\"traceback\":\"Traceback\\n  line 7\\n\"}}";
        let log = judge_one(result, Death::Exit(0), false, &["printed"]).log.text();
        assert_eq!(log, "printed\nTraceback\n  line 7\n[runner] script_error: ValueError: no (line 7)\n");
        let result = "{\"event\":\"result\",\"outcome\":\"failed\",\"error\":{\"code\":\"syntax_error\",\
                    \"message\":\"SyntaxError: no\",\"line\":7,\"column\":3}}";
        let log = judge_one(result, Death::Exit(0), false, &[]).log.text();
        assert_eq!(log, "[runner] syntax_error: SyntaxError: no (line 7, column 3)\n");
    }

    #[test]
    fn a_crash_has_the_line_of_the_script() {
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
    fn both_time_limits_are_timeouts() {
        for (death, over_time) in [(Death::Signal(libc::SIGKILL), true), (Death::Signal(libc::SIGXCPU), false)] {
            let finished = judge_one("", death, over_time, &[]);
            assert_eq!(finished.outcome, Outcome::TimedOut);
            assert!(finished.error.unwrap().message.contains("7 s"));
        }
    }

    #[test]
    fn a_kill_at_the_hard_cpu_limit_is_a_timeout() {
        // All threads count, so it can come before the wall-clock limit. The limit is 7 s.
        for (cpu, outcome) in [(9.0, Outcome::TimedOut), (8.9, Outcome::TimedOut), (8.0, Outcome::Failed)] {
            let cpu = Duration::from_secs_f64(cpu);
            let killed = observed("", Death::Signal(libc::SIGKILL), false, cpu, Log::default());
            assert_eq!(judge(killed, "demo_v1.py", LIMITS).outcome, outcome, "{cpu:?}");
        }
    }
}
