//! One job's process: its pipes, its time limit, and its end with everything that it started.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

use crate::error::EngineError;
use crate::event::{self, MAX_EVENT_BYTES};
use crate::kill::{kill_all_of, kill_by_pidfd, pidfd};
use crate::log::Log;
use crate::observed::{Death, Observed};
use crate::printed;
use crate::progress::{Progress, Watcher};
use crate::zygote::{self, Descriptors, Exited, Request, Zygote};

/// One job for a fork server.
pub(crate) struct Job<'a> {
    pub request: Request<'a>,
    pub ruleset: OwnedFd,
    pub time_limit: Duration,
    pub watcher: Watcher<'a>,
}

/// How a job's process ended.
pub(crate) enum Ended {
    /// By itself or at one of its limits.
    Observed(Box<Observed>),
    /// Because `stop` was ready.
    Stopped,
}

/// Runs one job in a fork of the server until it ends, its time is up, or `stop` is ready. Afterwards no process of the
/// job's user is left. After an error the server is dead.
pub(crate) async fn run(
    server: &mut Zygote,
    job: Job<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Ended, EngineError> {
    let user = job.request.jail.user;
    let ended = send_and_watch(server, job, stop).await;
    if ended.is_err() {
        // The server goes first, because it could fork. Its child dies with it, or ends itself on its way into the
        // jail.
        server.end();
        if let Some(user) = user {
            kill_all_of(user).await;
        }
    }
    ended
}

/// The runner's ends of the job's pipes.
struct Pipes {
    stdout: OwnedFd,
    stderr: OwnedFd,
    events: OwnedFd,
}

async fn send_and_watch(
    server: &mut Zygote,
    Job { request, ruleset, time_limit, watcher }: Job<'_>,
    stop: impl Future<Output = ()>,
) -> Result<Ended, EngineError> {
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|error| EngineError::SendJob(error.into()));
    let ((stdout, stdout_in_child), (stderr, stderr_in_child), (events, events_in_child)) = (pipe()?, pipe()?, pipe()?);
    let descriptors =
        Descriptors { stdout: stdout_in_child, stderr: stderr_in_child, events: events_in_child, ruleset };
    server.send(&request, descriptors).map_err(EngineError::SendJob)?;
    let pipes = Pipes { stdout, stderr, events };
    watch(server, request.jail.user, pipes, time_limit, stop, watcher).await.map_err(EngineError::WatchJob)
}

/// Watches the job that the server has just received, until its end.
async fn watch(
    server: &mut Zygote,
    user: Option<u32>,
    pipes: Pipes,
    time_limit: Duration,
    stop: impl Future<Output = ()>,
    watcher: Watcher<'_>,
) -> io::Result<Ended> {
    let child = server.forked().await?;
    let leader = match pidfd(child) {
        Ok(leader) => Some(leader),
        // It has ended and is reaped; its pipes and its status say how.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None,
        // Without a pidfd nothing could end the job when its time is up.
        Err(error) => return Err(error),
    };
    let kill_leader = || leader.iter().for_each(kill_by_pidfd);

    let log = RefCell::new(Log::default());
    let read_output = |pipe: OwnedFd| async {
        printed::read(pipe::Receiver::from_owned_fd(pipe)?, &log, watcher).await;
        Ok::<_, io::Error>(())
    };
    let wait_for_end = async {
        let exited = server.exited(child);
        tokio::pin!(exited);
        let (end, cause) = tokio::select! {
            end = &mut exited => (end, Cause::Itself),
            () = tokio::time::sleep(time_limit) => {
                kill_leader();
                (zygote::exit_after_kill(exited).await, Cause::Time)
            }
            () = stop => {
                kill_leader();
                (zygote::exit_after_kill(exited).await, Cause::Stop)
            }
        };
        if end.is_err() {
            // The server has failed, and its child may still run.
            kill_leader();
        }
        // The pipes close only after everything that the job started has ended.
        if let Some(user) = user {
            kill_all_of(user).await;
        }
        Ok::<_, io::Error>((end?, cause))
    };
    // One failure ends the wait for all: a process that cannot be killed keeps its pipes open.
    let ((Exited { status, cpu }, cause), (), (), lines) = tokio::try_join!(
        wait_for_end,
        read_output(pipes.stdout),
        read_output(pipes.stderr),
        read_events(pipes.events, watcher)
    )?;
    if cause == Cause::Stop {
        return Ok(Ended::Stopped);
    }
    Ok(Ended::Observed(Box::new(Observed {
        events: event::parse(&lines),
        death: Death::of(status),
        over_time: cause == Cause::Time,
        cpu,
        log: log.into_inner(),
    })))
}

/// Reads the event pipe to its end. Lines before a failure count.
async fn read_events(pipe: OwnedFd, watcher: Watcher<'_>) -> io::Result<Vec<u8>> {
    let mut events = BufReader::new(pipe::Receiver::from_owned_fd(pipe)?.take(MAX_EVENT_BYTES as u64));
    let (mut lines, mut expected) = (Vec::new(), &event::PHASES[..]);
    while let Ok(length @ 1..) = events.read_until(b'\n', &mut lines).await {
        let phase = event::started_phase(&lines[lines.len() - length..], &mut expected);
        phase.iter().for_each(|phase| watcher(Progress::Phase(phase)));
    }
    Ok(lines)
}

/// The cause of a process's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Itself,
    Time,
    Stop,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kill::processes_of;
    use crate::testing::FakeEngine;

    /// Runs one job on a fork server that does `on_job` with it, and gives the runner's failure.
    async fn failure_of(fake: &FakeEngine) -> EngineError {
        let directory = fake.engine().prepare(0, b"x = 1").unwrap();
        fake.engine().run(0, &directory, "x.py", std::future::pending(), &crate::unwatched).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_failed_fork_server_leaves_no_process() {
        // A grandchild that nothing ties to the server, as if the jail had let one start.
        let fake = FakeEngine::server(
            r#"
    import json
    user = json.loads(packet)["jail"]["user"]
    ready, started = os.pipe()
    if user is not None and os.fork() == 0:
        os.setsid()
        channel.close()
        if os.fork() == 0:
            os.setresuid(user, user, user)
            os.write(started, b"x")
            time.sleep(1000)
        os._exit(0)
    if user is not None:
        os.read(ready, 1)
    os._exit(1)
"#,
        );
        let failure = failure_of(&fake).await;
        assert!(failure.script_may_have_run());
        assert!(failure.to_string().contains("the fork server is gone"), "{failure}");
        for user in fake.engine().users() {
            assert_eq!(processes_of(user), [0; 0]);
        }
    }

    #[tokio::test]
    async fn a_process_without_pidfd_is_an_error() {
        // No process has this number, and no pidfd can be opened for it.
        let fake = FakeEngine::server("    channel.sendall(b'{\"forked\": -1}\\n')\n    time.sleep(1000)\n");
        let failure = tokio::time::timeout(Duration::from_secs(30), failure_of(&fake)).await.unwrap();
        assert!(failure.to_string().contains("Invalid argument"), "{failure}");
    }
}
