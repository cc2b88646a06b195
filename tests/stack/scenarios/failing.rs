//! Scripts that fail in different ways. A failure is a result with a reason.

use contract::Outcome;
use futures::future::join_all;

use crate::runner::JOB_SECONDS;
use crate::stack::Stack;
use crate::tools::script;

/// One way to fail, and its result.
struct Case {
    /// The script's name; the project has the same name with hyphens.
    script: &'static str,
    status: &'static str,
    code: &'static str,
    line: Option<u32>,
    column: Option<u32>,
    /// Texts that the log contains exactly once.
    log: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        script: "raises",
        status: "error",
        code: "script_error",
        line: Some(7),
        column: None,
        log: &["the marker of one run", "Traceback (most recent call last):", "ValueError: line seven is at fault\n"],
    },
    Case {
        script: "syntax_error",
        status: "error",
        code: "syntax_error",
        line: Some(3),
        // The bracket that is never closed.
        column: Some(22),
        log: &["SyntaxError", "(line 3, column 22)"],
    },
    Case {
        script: "leaves",
        status: "error",
        code: "script_exited",
        line: None,
        column: None,
        log: &["about to leave"],
    },
    Case { script: "crashes", status: "error", code: "crashed", line: Some(4), column: None, log: &["about to crash"] },
    Case {
        script: "no_geometry",
        status: "error",
        code: "no_geometry",
        line: None,
        column: None,
        log: &["nothing was made"],
    },
];

const ENDLESS: Case =
    Case { script: "endless", status: "timeout", code: "script_timeout", line: None, column: None, log: &["for ever"] };

/// Status, report and log give the reason; the script ran once, and no file was exported.
pub async fn a_failing_script_reports_its_error(stack: &Stack) {
    join_all(CASES.iter().map(|case| check_case(stack, case))).await;
    let raised = stack.known("raises").report(1).await.error.unwrap();
    assert_eq!(raised.message, "ValueError: line seven is at fault");
    let traceback = raised.traceback.unwrap();
    assert!(traceback.contains("File \"raises_v1.py\", line 10, in <module>"), "{traceback}");
    assert!(traceback.contains("File \"raises_v1.py\", line 7, in half"), "{traceback}");
    assert!(!traceback.contains("partwright"), "the traceback must not contain the runner's frames: {traceback}");
}

/// An endless script is stopped at the time limit.
pub async fn an_endless_script_times_out(stack: &Stack) {
    check_case(stack, &ENDLESS).await;
    let report = stack.known("endless").report(1).await;
    assert_eq!(report.outcome, Outcome::TimedOut);
    assert!(report.error.unwrap().message.contains(&format!("{JOB_SECONDS} s")));
}

async fn check_case(stack: &Stack, case: &Case) {
    let project = stack.project(&case.script.replace('_', "-"));
    assert_eq!(project.upload(&script(case.script)).await, 1);
    let outputs = project.finished(1).await;
    assert_eq!(outputs["total_files"], 0, "{outputs}");

    let status = project.status().await;
    let field = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((field("status").as_str(), field("code").as_str()), (case.status, case.code), "{status}");
    let place = ["line", "column"].map(|name| status["error"][name].as_u64());
    assert_eq!(place, [case.line, case.column].map(|number| number.map(u64::from)), "{status}");
    assert!(!field("message").is_empty());
    let report = project.report(1).await;
    assert_eq!(report.attempt, Some(1), "a failing script must not run again");

    let log = project.log(1).await;
    for text in case.log {
        assert_eq!(log.matches(text).count(), 1, "{text:?} in the log of {}:\n{log}", case.script);
    }
    let missing = stack.api().get(&project.path("download/step")).await.expect(404).json();
    assert_eq!(missing["code"], "no_output");
}
