//! The fork server of one slot: FreeCAD with its modules loaded, which forks for each job.

use std::ffi::CStr;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::jail::Policy;

/// The socket's number in the server.
const SOCKET: RawFd = 3;

/// How long the server may take to load FreeCAD, on a machine that has just started.
const START: Duration = Duration::from_secs(60);

/// How long the server may take to answer what costs it milliseconds: to fork, or to tell of a child that was killed.
/// On a machine that swaps it takes longer; one that takes so long is given up, and replaced.
const ANSWER: Duration = Duration::from_secs(10);

/// The longest answer of the server, in bytes.
const LONGEST_ANSWER: u64 = 4096;

/// A running fork server.
#[derive(Debug)]
pub(crate) struct Zygote {
    socket: BufReader<UnixStream>,
    /// Dropped with this: the process is killed.
    process: Child,
    jobs: u32,
}

/// What the server says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
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

/// One job for the server.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    pub jail: Policy<'a>,
    pub spec: &'a serde_json::Value,
}

/// The descriptors that a job gets.
pub(crate) struct Descriptors<'a> {
    pub stdout: &'a OwnedFd,
    pub stderr: &'a OwnedFd,
    pub events: &'a OwnedFd,
    pub ruleset: &'a OwnedFd,
}

impl Zygote {
    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(freecad: &CStr, main: &Path, home: &Path) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        // The server blocks on its end.
        ours.set_nonblocking(true)?;
        let mut command = Command::new(std::ffi::OsStr::from_bytes(freecad.to_bytes()));
        command
            .arg(main)
            .current_dir(home)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", home)
            // Without it FreeCAD crashes for a user that has no passwd entry.
            .env("FREECAD_USER_HOME", home)
            // All symbols are bound here, once, and not by each child as it comes to them.
            .env("LD_BIND_NOW", "1")
            .env("OPENBLAS_NUM_THREADS", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            // Pipes, as the jobs' own are: Python asks once whether its streams can seek.
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let (parent, socket) = (nix::unistd::getpid().as_raw(), theirs.as_raw_fd());
        // SAFETY: the closure makes system calls only; it allocates nothing and takes no lock, as the time between fork
        // and exec demands.
        #[expect(unsafe_code, reason = "the server's descriptors and its death with the runner are set by itself")]
        unsafe {
            command.pre_exec(move || enter(parent, socket));
        }
        let mut process = command.spawn()?;
        drop(theirs);
        process.stdout.take().into_iter().for_each(drain);
        process.stderr.take().into_iter().for_each(drain);
        let mut server = Self { socket: BufReader::new(UnixStream::from_std(ours)?), process, jobs: 0 };
        match within(START, "get ready", server.hear()).await? {
            Said::Ready { .. } => Ok(server),
            other => Err(io::Error::other(format!("the fork server began with {other:?}"))),
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// How many jobs it has run.
    pub(crate) fn jobs(&self) -> u32 {
        self.jobs
    }

    /// Kills it, and so the job that it forked. One that is dead already is as good.
    pub(crate) fn end(&mut self) {
        let _ = self.process.start_kill();
    }

    /// Hands a job over. Where this fails the server has not got all of it, and forks nothing.
    pub(crate) fn hand_over(&mut self, request: &Request<'_>, descriptors: Descriptors<'_>) -> io::Result<()> {
        self.jobs += 1;
        let json = serde_json::to_vec(request)?;
        let length = u32::try_from(json.len()).map_err(io::Error::other)?.to_be_bytes();
        let numbers = [descriptors.stdout, descriptors.stderr, descriptors.events, descriptors.ruleset];
        let numbers = numbers.map(|descriptor| descriptor.as_raw_fd());
        let rights = [ControlMessage::ScmRights(&numbers)];
        // The server waits for it, so there is room.
        let sent = sendmsg::<()>(
            self.socket.get_ref().as_raw_fd(),
            &[IoSlice::new(&length), IoSlice::new(&json)],
            &rights,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )?;
        if sent != length.len() + json.len() {
            return Err(io::Error::other("the fork server took half a job"));
        }
        Ok(())
    }

    /// Waits until it has forked for the job that was handed over and gives the child's process id.
    pub(crate) async fn forked(&mut self) -> io::Result<i32> {
        match within(ANSWER, "fork", self.hear()).await? {
            Said::Forked { forked } => Ok(forked),
            other => Err(io::Error::other(format!("the fork server answered a job with {other:?}"))),
        }
    }

    /// Waits for the end of the job that was forked last.
    pub(crate) async fn exited(&mut self, child: i32) -> io::Result<Exited> {
        match self.hear().await? {
            Said::Exited { exited, status, cpu } if exited == child => {
                let cpu = Duration::try_from_secs_f64(cpu).map_err(io::Error::other)?;
                Ok(Exited { status, cpu })
            }
            other => Err(io::Error::other(format!("the fork server told of a job's end with {other:?}"))),
        }
    }

    async fn hear(&mut self) -> io::Result<Said> {
        let mut line = Vec::new();
        let length = (&mut self.socket).take(LONGEST_ANSWER).read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the fork server is gone"));
        }
        Ok(serde_json::from_slice(&line)?)
    }
}

/// The time limit of one answer.
async fn within<T>(limit: Duration, to_do: &str, answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("the fork server did not {to_do} in time"));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

/// For the end of a child that was killed: its server tells of it at once, or never.
pub(crate) async fn told_soon<T>(end: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    within(ANSWER, "tell of the job's end", end).await
}

/// What the server says is of interest when it fails, and must not fill its pipes otherwise.
fn drain(pipe: impl AsyncRead + Unpin + Send + 'static) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::debug!("fork server: {line}");
        }
    });
}

/// What the server does between fork and exec.
#[expect(unsafe_code, reason = "the system calls have no safe form that may be used between fork and exec")]
fn enter(parent: i32, socket: RawFd) -> io::Result<()> {
    // SAFETY: every call takes plain numbers.
    unsafe {
        check(libc::setsid().into())?;
        check(libc::dup2(socket, SOCKET).into())?;
        let cloexec = libc::c_long::from(libc::CLOSE_RANGE_CLOEXEC as i32);
        check(libc::syscall(libc::SYS_close_range, SOCKET + 1, libc::c_uint::MAX, cloexec))?;
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

/// A pidfd: a process that cannot be mistaken for another that got its number.
pub(crate) fn pidfd(process: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers in; the descriptor that comes out is owned by nobody else.
    #[expect(unsafe_code, reason = "pidfd_open has no safe form in the libraries used")]
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, process, 0);
        check(descriptor)?;
        Ok(OwnedFd::from_raw_fd(RawFd::try_from(descriptor).unwrap_or(-1)))
    }
}

/// Kills through a pidfd; a process that is gone is as good.
pub(crate) fn kill(pidfd: &OwnedFd) {
    // SAFETY: plain numbers and a null pointer, which stands for the default.
    #[expect(unsafe_code, reason = "pidfd_send_signal has no safe form in the libraries used")]
    unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, std::ptr::null::<()>(), 0);
    }
}
