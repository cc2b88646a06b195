use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::*;
use crate::testing::FakeEngine;

/// The first server ends with its first job. The second reports a script that prints and fails in line 3.
const SERVER: &str = r#"
    if not is_second:
        os._exit(1)
    child = os.fork()
    if child == 0:
        os.write(descriptors[0], b"half \033[31mdone\n")
        for line in (b'{"event":"phase","phase":"script"}', b'{"event":"phase","phase":"export"}',
                     b'{"event":"result","outcome":"failed","error":{"code":"script_error","message":"ValueError: no",'
                     b'"line":3,"source":"raise ValueError(\'no\')","traceback":"Traceback\\n  line 3\\n"}}'):
            os.write(descriptors[2], line + b"\n")
        os._exit(0)
    for descriptor in descriptors:
        os.close(descriptor)
    channel.sendall(b'{"forked": %d}\n' % child)
    _, status = os.waitpid(child, 0)
    channel.sendall(b'{"exited": %d, "status": %d, "cpu": 0.1}\n' % (child, status))
"#;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `a.py` and `b.py`; `a` has a report of an earlier run. Gives the outcome, the printed text and the directory.
async fn run_two(fake: &FakeEngine, is_stopped: bool) -> (Result<bool, String>, String, PathBuf) {
    let root = fake.config.engine.scratch.parent().unwrap();
    let files = ["a", "b"].map(|name| root.join(name).with_extension("py"));
    files.iter().for_each(|file| fs::write(file, "").unwrap());
    let out = root.join("out");
    fs::create_dir_all(out.join("a")).unwrap();
    fs::write(out.join("a/report.json"), "of an earlier run").unwrap();
    let runs = LocalRun::plan(&files, &out).unwrap();
    let paper = Paper::default();
    let (_stop, stopping) = watch::channel(is_stopped);
    let (engine, clock) = (fake.engine(), SystemClock::new());
    let outcome = run_all(engine, &fake.config.engine, &runs, &clock, stopping, paper.clone()).await;
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    (outcome, text, out)
}

#[tokio::test]
async fn after_an_engine_failure_the_next_script_runs() {
    let fake = FakeEngine::server(SERVER);
    let (outcome, text, out) = run_two(&fake, false).await;
    let problem = outcome.unwrap_err();
    assert!(problem.starts_with("a.py: Failed to watch the job: "), "{problem}");
    assert!(text.starts_with("a.py: no result: Failed to watch the job"), "{text}");
    for line in [
        "b.py: running the script",
        "b.py | half done",
        "b.py: exporting the model",
        "b.py |   line 3",
        "b.py: script_error: ValueError: no (line 3: raise ValueError('no'))",
        "b.py: failed",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line:?} is not in:\n{text}");
    }
    assert!(text.lines().last().unwrap().starts_with("0 of 2 completed in "), "{text}");
    assert!(!out.join("a/report.json").exists(), "the earlier report would look like this run's");
    assert!(out.join("b/report.json").exists() && out.join("b/log.txt").exists());
}

#[tokio::test]
async fn no_script_runs_after_a_signal() {
    let fake = FakeEngine::server(SERVER);
    let (outcome, text, out) = run_two(&fake, true).await;
    assert_eq!((outcome.unwrap_err().as_str(), text.as_str()), ("stopped by a signal", ""));
    assert!(out.join("a/report.json").exists() && !out.join("b").exists());
}
