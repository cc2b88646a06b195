//! One job's process: its pipes, its time, and its end with everything that it started.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;

use super::event::{self, EVENT_LIMIT, Said};
use super::log::Log;
use super::printed;
use super::progress::{Progress, Watcher};
use super::verdict::Death;
use super::zygote::{self, Descriptors, Exited, Request, Zygote};

/// What was seen of a process that ended by itself or by its limits.
pub(crate) struct Observed {
    pub said: Said,
    pub death: Death,
    /// It was killed because its time was up.
    pub over_time: bool,
    /// The processor time that it used, all threads together.
    pub cpu: Duration,
    pub log: Log,
}

/// How the watch over a process ended.
pub(crate) enum Ended {
    Observed(Box<Observed>),
    Stopped,
}

/// The runner's own part failed.
pub(crate) enum Failed {
    /// Before the script was handed over: it cannot be why.
    Before(io::Error),
    /// After that: the server failed while the script may have run.
    During(io::Error),
}

/// How long processes of a job's user may take to be gone.
const REAP: Duration = Duration::from_secs(5);

/// Lets the server fork for one job and watches it, until it ends, `seconds` are over, or `stop` is ready; tells
/// `watcher`. However that goes, no process of the job's user is left; where it fails, the server is dead.
pub(crate) async fn run(
    server: &mut Zygote,
    request: &Request<'_>,
    ruleset: OwnedFd,
    seconds: Duration,
    stop: impl Future<Output = ()>,
    watcher: Watcher<'_>,
) -> Result<Ended, Failed> {
    let ended = hand_over_and_watch(server, request, ruleset, seconds, stop, watcher).await;
    if ended.is_err() {
        // First the server, which could fork; its child dies with it, or ends itself on its way into the jail.
        server.end();
        if let Some(user) = request.jail.user {
            end_all(user).await;
        }
    }
    ended
}

async fn hand_over_and_watch(
    server: &mut Zygote,
    request: &Request<'_>,
    ruleset: OwnedFd,
    seconds: Duration,
    stop: impl Future<Output = ()>,
    watcher: Watcher<'_>,
) -> Result<Ended, Failed> {
    let pipe = || pipe2(OFlag::O_CLOEXEC).map_err(|error| Failed::Before(error.into()));
    let ((stdout, stdout_in_child), (stderr, stderr_in_child), (events, events_in_child)) = (pipe()?, pipe()?, pipe()?);
    let descriptors =
        Descriptors { stdout: &stdout_in_child, stderr: &stderr_in_child, events: &events_in_child, ruleset: &ruleset };
    server.hand_over(request, descriptors).map_err(Failed::Before)?;
    drop((stdout_in_child, stderr_in_child, events_in_child, ruleset));
    watch(server, request.jail.user, (stdout, stderr, events), seconds, stop, watcher).await.map_err(Failed::During)
}

/// Watches the job that was handed over to its end.
async fn watch(
    server: &mut Zygote,
    user: Option<u32>,
    (stdout, stderr, events): (OwnedFd, OwnedFd, OwnedFd),
    seconds: Duration,
    stop: impl Future<Output = ()>,
    watcher: Watcher<'_>,
) -> io::Result<Ended> {
    let child = server.forked().await?;
    let leader = match zygote::pidfd(child) {
        Ok(leader) => Some(leader),
        // It is gone and has been reaped; its pipes and its status tell how it ended.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => None,
        // Without it nothing ends a job whose time is up.
        Err(error) => return Err(error),
    };
    let kill_leader = || leader.iter().for_each(zygote::kill);

    let log = RefCell::new(Log::default());
    let read = |pipe: OwnedFd| async {
        printed::read(pipe::Receiver::from_owned_fd(pipe)?, &log, watcher).await;
        Ok::<_, io::Error>(())
    };
    let talk = async {
        let mut events = BufReader::new(pipe::Receiver::from_owned_fd(events)?.take(EVENT_LIMIT as u64));
        let (mut lines, mut to_come) = (Vec::new(), &event::PHASES[..]);
        // What was read before a failure counts.
        while let Ok(length @ 1..) = events.read_until(b'\n', &mut lines).await {
            let phase = event::begins(&lines[lines.len() - length..], &mut to_come);
            phase.iter().for_each(|phase| watcher(Progress::Phase(phase)));
        }
        Ok::<_, io::Error>(lines)
    };
    let watch = async {
        let exited = server.exited(child);
        tokio::pin!(exited);
        let (end, why) = tokio::select! {
            end = &mut exited => (end, Why::Itself),
            () = tokio::time::sleep(seconds) => {
                kill_leader();
                (zygote::told_soon(exited).await, Why::Time)
            }
            () = stop => {
                kill_leader();
                (zygote::told_soon(exited).await, Why::Stopped)
            }
        };
        if end.is_err() {
            // The server fails, and its child may run on.
            kill_leader();
        }
        // Whatever it started ends with it; only then do its pipes close.
        if let Some(user) = user {
            end_all(user).await;
        }
        Ok::<_, io::Error>((end?, why))
    };
    // A failure ends the wait for all: a process that cannot be killed keeps its pipes open.
    let ((Exited { status, cpu }, why), (), (), lines) = tokio::try_join!(watch, read(stdout), read(stderr), talk)?;
    if why == Why::Stopped {
        return Ok(Ended::Stopped);
    }
    let death = if libc::WIFSIGNALED(status) {
        Death::Signal(libc::WTERMSIG(status))
    } else {
        Death::Exit(libc::WEXITSTATUS(status))
    };
    let (said, over_time) = (event::parse(&lines), why == Why::Time);
    Ok(Ended::Observed(Box::new(Observed { said, death, over_time, cpu, log: log.into_inner() })))
}

/// Why a process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Itself,
    Time,
    Stopped,
}

/// Kills every process of the slot's user. The jail lets none be made; this is for the day that it fails.
async fn end_all(user: u32) {
    let rounds = REAP.as_millis() / 10;
    for _ in 0..rounds {
        let left = processes_of(user);
        if left.is_empty() {
            return;
        }
        for process in left {
            let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
        }
        // They are children of init, whose end cannot be awaited.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tracing::error!(user, "processes of a job's user cannot be killed");
}

/// The processes of a user that are not dead already.
fn processes_of(user: u32) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let of_user = |entry: std::fs::DirEntry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let is_theirs = entry.metadata().ok()?.uid() == user;
        if !is_theirs {
            return None;
        }
        // The state follows the name, which is in brackets and may hold anything.
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let is_zombie = stat.rsplit_once(')')?.1.trim_start().starts_with('Z');
        (!is_zombie).then_some(id)
    };
    entries.flatten().filter_map(of_user).collect()
}

/// The server gets its socket as descriptor 3. Were 3 free in this process, the standard library's own pipe to a
/// child between fork and exec could be 3, and would be overwritten.
pub(crate) fn keep_descriptor_three_taken() -> io::Result<()> {
    use std::os::fd::AsRawFd;
    loop {
        let file = std::fs::File::open("/dev/null")?;
        if file.as_raw_fd() > 3 {
            return Ok(());
        }
        // Kept open for the life of the process.
        std::mem::forget(file);
    }
}

/// Keeps other processes of the same user from reading this one's memory and environment, where the credentials are.
pub(crate) fn hide_from_own_children() -> io::Result<()> {
    // SAFETY: plain numbers.
    #[expect(unsafe_code, reason = "prctl has no safe form in the libraries used")]
    let outcome = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
    if outcome == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeEngine;

    /// Runs one job on a fork server that does `got` with it, and gives the runner's failure.
    async fn failure_of(fake: &FakeEngine) -> String {
        let directory = fake.engine().prepare(0, b"x = 1").unwrap();
        fake.engine()
            .run(0, &directory, "x.py", std::future::pending(), &crate::unwatched)
            .await
            .unwrap_err()
            .to_string()
    }

    #[tokio::test]
    async fn a_fork_server_that_fails_leaves_no_process_of_the_job_s_user() {
        // A grandchild that nothing ties to the server, as if the jail had let one be made.
        let fake = FakeEngine::server(
            r#"
    import json
    user = json.loads(packet)["jail"]["user"]
    told, tell = os.pipe()
    if user is not None and os.fork() == 0:
        os.setsid()
        channel.close()
        if os.fork() == 0:
            os.setresuid(user, user, user)
            os.write(tell, b"x")
            time.sleep(1000)
        os._exit(0)
    if user is not None:
        os.read(told, 1)
    os._exit(1)
"#,
        );
        let said = failure_of(&fake).await;
        assert!(said.contains("the fork server is gone"), "{said}");
        for user in fake.engine().users() {
            assert_eq!(processes_of(user), [0; 0]);
        }
    }

    #[tokio::test]
    async fn a_process_that_could_not_be_killed_is_not_waited_for() {
        // No process has this number, and none can be asked for by it.
        let fake = FakeEngine::server("    channel.sendall(b'{\"forked\": -1}\\n')\n    time.sleep(1000)\n");
        let said = tokio::time::timeout(Duration::from_secs(30), failure_of(&fake)).await.unwrap();
        assert!(said.contains("Invalid argument"), "{said}");
    }
}
