//! The fork server of one slot: FreeCAD with its modules loaded. It forks one child per job.

use std::ffi::{CStr, OsStr};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::jail::Policy;

/// The socket's descriptor in the server.
const SERVER_SOCKET: RawFd = 3;

/// The time limit for loading FreeCAD, on a machine that has just started.
const SERVER_START_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit for a message that takes the server milliseconds: that it has forked, or that a killed child has
/// ended. A machine that swaps takes longer. A server that is this late is replaced.
const SERVER_REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest message of the server, in bytes.
const MAX_MESSAGE_BYTES: u64 = 4096;

/// A running fork server.
#[derive(Debug)]
pub(crate) struct Zygote {
    socket: BufReader<UnixStream>,
    /// Dropping it kills the process.
    process: Child,
    jobs: u32,
}

/// A message from the server.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Message {
    Ready {
        #[allow(dead_code, reason = "its name is the message")]
        ready: bool,
    },
    Forked {
        forked: i32,
    },
    Exited {
        exited: i32,
        status: i32,
        cpu: f64,
    },
}

/// How a job's process ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exited {
    /// The wait status.
    pub status: i32,
    /// The processor time that it used.
    pub cpu: Duration,
}

/// One job, as the server reads it.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    pub jail: Policy<'a>,
    pub spec: &'a serde_json::Value,
}

/// The descriptors for a job.
pub(crate) struct Descriptors {
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub events: OwnedFd,
    pub ruleset: OwnedFd,
}

impl Zygote {
    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(freecad: &CStr, main: &Path, home: &Path) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        // Only this end: the server blocks on its own.
        ours.set_nonblocking(true)?;
        let mut command = Command::new(OsStr::from_bytes(freecad.to_bytes()));
        command
            .arg(main)
            .current_dir(home)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", home)
            // Without it FreeCAD crashes for a user that has no passwd entry.
            .env("FREECAD_USER_HOME", home)
            // Binds all symbols here, once, instead of in each child on first use.
            .env("LD_BIND_NOW", "1")
            .env("OPENBLAS_NUM_THREADS", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            // Pipes, like the jobs' own: Python asks only once whether its streams can seek.
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let (parent, socket) = (nix::unistd::getpid().as_raw(), theirs.as_raw_fd());
        // SAFETY: the closure makes only system calls; it allocates nothing and takes no lock, which is required
        // between fork and exec.
        #[expect(unsafe_code, reason = "the server itself sets its descriptors and its death with the runner")]
        unsafe {
            command.pre_exec(move || prepare_server(parent, socket));
        }
        let mut process = command.spawn()?;
        drop(theirs);
        process.stdout.take().into_iter().for_each(drain);
        process.stderr.take().into_iter().for_each(drain);
        let mut server = Self { socket: BufReader::new(UnixStream::from_std(ours)?), process, jobs: 0 };
        match within(SERVER_START_TIMEOUT, "get ready", server.receive()).await? {
            Message::Ready { .. } => Ok(server),
            other => Err(unexpected(&other)),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// How many jobs it has received.
    pub(crate) fn jobs(&self) -> u32 {
        self.jobs
    }

    /// Kills it, and with it the job that it forked. It does nothing if the server is dead.
    pub(crate) fn end(&mut self) {
        let _ = self.process.start_kill();
    }

    /// Sends a job. On failure the server has not received all of it, and forks nothing.
    pub(crate) fn send(&mut self, request: &Request<'_>, descriptors: Descriptors) -> io::Result<()> {
        self.jobs += 1;
        let json = serde_json::to_vec(request)?;
        let length = u32::try_from(json.len()).map_err(io::Error::other)?.to_be_bytes();
        let Descriptors { stdout, stderr, events, ruleset } = &descriptors;
        let numbers = [stdout, stderr, events, ruleset].map(AsRawFd::as_raw_fd);
        let rights = [ControlMessage::ScmRights(&numbers)];
        // The server is waiting for a job, so the socket has room.
        let sent = sendmsg::<()>(
            self.socket.get_ref().as_raw_fd(),
            &[IoSlice::new(&length), IoSlice::new(&json)],
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        if sent != length.len() + json.len() {
            return Err(io::Error::other("the fork server received only part of it"));
        }
        Ok(())
    }

    /// Waits until it has forked for the job that was sent last. Gives the child's process id.
    pub(crate) async fn forked(&mut self) -> io::Result<i32> {
        match within(SERVER_REPLY_TIMEOUT, "fork", self.receive()).await? {
            Message::Forked { forked } => Ok(forked),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits for the end of `child`, the job that was forked last.
    pub(crate) async fn exited(&mut self, child: i32) -> io::Result<Exited> {
        match self.receive().await? {
            Message::Exited { exited, status, cpu } if exited == child => {
                let cpu = Duration::try_from_secs_f64(cpu).map_err(io::Error::other)?;
                Ok(Exited { status, cpu })
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn receive(&mut self) -> io::Result<Message> {
        let mut line = Vec::new();
        let length = (&mut self.socket).take(MAX_MESSAGE_BYTES).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the fork server is gone"));
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

/// Waits for the end of a child that was killed. The server reports it at once or never.
pub(crate) async fn exit_after_kill<T>(end: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    within(SERVER_REPLY_TIMEOUT, "report the end of the job", end).await
}

async fn within<T>(limit: Duration, to_do: &str, reply: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("the fork server did not {to_do} in time"));
    tokio::time::timeout(limit, reply).await.unwrap_or_else(|_| Err(late()))
}

fn unexpected(message: &Message) -> io::Error {
    io::Error::other(format!("the fork server sent an unexpected message: {message:?}"))
}

/// Logs the server's output, which helps after a failure. Otherwise it would fill the pipes.
fn drain(pipe: impl AsyncRead + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::debug!("fork server: {line}");
        }
    });
}

/// Runs in the server between fork and exec.
#[expect(unsafe_code, reason = "the system calls have no safe form that may be used between fork and exec")]
fn prepare_server(parent: i32, socket: RawFd) -> io::Result<()> {
    // SAFETY: every call takes plain numbers.
    unsafe {
        check(libc::setsid().into())?;
        check(libc::dup2(socket, SERVER_SOCKET).into())?;
        let cloexec = libc::c_long::from(libc::CLOSE_RANGE_CLOEXEC as i32);
        check(libc::syscall(libc::SYS_close_range, SERVER_SOCKET + 1, libc::c_uint::MAX, cloexec))?;
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL).into())?;
        if libc::getppid() != parent {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
    }
    Ok(())
}

fn check(outcome: libc::c_long) -> io::Result<()> {
    if outcome == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
