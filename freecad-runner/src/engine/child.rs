//! The script's process: entered step by step, watched, and ended with everything that it started.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::REAP;
use super::event::{self, EVENT_LIMIT, Said};
use super::log::Log;
use super::scratch::JobDirectory;
use super::verdict::Death;
use crate::config::Limits;

/// How a script is run.
pub(super) struct Plan<'a> {
    pub program: &'a CStr,
    pub main: &'a Path,
    pub directory: &'a JobDirectory,
    /// The user and group that the process becomes; none to stay the runner's own.
    pub user: Option<u32>,
    pub limits: Limits,
}

/// What was seen of a process that ended by itself or by its limits.
pub(super) struct Observed {
    pub said: Said,
    pub death: Death,
    /// It was killed because its time was up.
    pub over_time: bool,
    pub log: Log,
}

/// How the watch over a process ended.
pub(super) enum Ended {
    Observed(Box<Observed>),
    Stopped,
}

/// Processes and threads of the slot's user: FreeCAD's own few threads, and nothing to bomb with.
const MAX_PROCESSES: u64 = 64;

/// Open files of the process.
const MAX_FILES: u64 = 256;

/// The descriptor of the event pipe in the child.
const EVENTS: RawFd = 3;

/// Runs the plan with `spec` on the child's standard input, until it ends or `stop` is ready.
pub(super) async fn run(plan: &Plan<'_>, spec: String, stop: impl Future<Output = ()>) -> io::Result<Ended> {
    let (events, events_in_child) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
    let mut child = spawn(plan, &events_in_child)?;
    drop(events_in_child);
    let group = Group { leader: child.id().and_then(|id| i32::try_from(id).ok()), user: plan.user };
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());

    let log = std::cell::RefCell::new(Log::default());
    let send_spec = async {
        if let Some(mut stdin) = stdin {
            // A child that is gone already is judged by how it died.
            let _ = stdin.write_all(spec.as_bytes()).await;
        }
    };
    let output = async {
        let read = |pipe| read_lines(pipe, |line| log.borrow_mut().printed(line));
        let stdout = stdout.map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Unpin>);
        let stderr = stderr.map(|pipe| Box::new(pipe) as Box<dyn AsyncRead + Unpin>);
        tokio::join!(read(stdout), read(stderr));
    };
    let mut lines = Vec::new();
    let events = pipe::Receiver::from_owned_fd(events)?;
    let talk = async {
        let mut limited = events.take(EVENT_LIMIT as u64);
        // What was read before a failure counts.
        let _ = limited.read_to_end(&mut lines).await;
    };
    let until_ended = async {
        tokio::select! {
            status = child.wait() => Some((status, false)),
            () = tokio::time::sleep(plan.limits.seconds) => {
                group.kill();
                Some((child.wait().await, true))
            }
            () = stop => {
                group.kill();
                let _ = child.wait().await;
                None
            }
        }
    };
    let watch = async {
        let ended = until_ended.await;
        // Whatever it started ends with it; only then do its pipes close.
        group.end().await;
        ended
    };
    let everything = async { tokio::join!(send_spec, watch, with_patience(output), with_patience(talk)).1 };
    let Some((status, over_time)) = everything.await else { return Ok(Ended::Stopped) };
    let status = status?;
    let death = status.signal().map_or_else(|| Death::Exit(status.code().unwrap_or(-1)), Death::Signal);
    let said = event::parse(&lines);
    Ok(Ended::Observed(Box::new(Observed { said, death, over_time, log: log.into_inner() })))
}

/// A pipe that somebody holds open for ever must not hold up the slot; by then every process is dead, so this ends
/// at once but for a bug.
async fn with_patience(reading: impl Future<Output = ()>) {
    // A day is longer than any job's limit; the group's end closes the pipes long before.
    let _ = tokio::time::timeout(Duration::from_secs(90_000), reading).await;
}

async fn read_lines(pipe: Option<Box<dyn AsyncRead + Unpin>>, mut each: impl FnMut(&[u8])) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    loop {
        // A line without an end comes in pieces, so that it cannot fill the memory.
        let mut piece = (&mut reader).take(64 << 10);
        match piece.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                each(line.strip_suffix(b"\n").unwrap_or(&line));
                line.clear();
            }
        }
    }
}

fn spawn(plan: &Plan<'_>, events: &OwnedFd) -> io::Result<Child> {
    let (work, output) = (plan.directory.work(), plan.directory.output());
    let mut command = Command::new(std::ffi::OsStr::from_bytes(plan.program.to_bytes()));
    command
        .arg(plan.main)
        .current_dir(&work)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", &work)
        // Without it FreeCAD crashes for a user that has no passwd entry.
        .env("FREECAD_USER_HOME", &work)
        .env("TMPDIR", &work)
        .env("FREECAD_OUTPUT", &output)
        // One thread: the limits hold for all of them together, and a fork needs it.
        .env("OPENBLAS_NUM_THREADS", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let entry =
        Entry { parent: Pid::this().as_raw(), events: events.as_raw_fd(), user: plan.user, limits: plan.limits };
    // SAFETY: `enter` makes system calls only; it allocates nothing and takes no lock, as the time between fork and
    // exec demands.
    #[expect(unsafe_code, reason = "limits and user are set by the child itself, before it runs a foreign program")]
    unsafe {
        command.pre_exec(move || entry.enter());
    }
    command.spawn()
}

/// What the child does between fork and exec, in this order. A step that fails ends the child.
#[derive(Clone, Copy)]
struct Entry {
    parent: i32,
    events: RawFd,
    user: Option<u32>,
    limits: Limits,
}

#[expect(unsafe_code, reason = "the system calls have no safe form that may be used between fork and exec")]
impl Entry {
    fn enter(&self) -> io::Result<()> {
        let limits = &self.limits;
        // SAFETY: every call takes plain numbers, or pointers to values that live until it returns.
        unsafe {
            // 1. A session of its own: one signal reaches all that it starts, and it has no terminal.
            check(libc::setsid())?;
            // 2. No descriptor but 0, 1, 2 and the event pipe outlives exec.
            check(libc::dup2(self.events, EVENTS))?;
            let cloexec = libc::c_long::from(libc::CLOSE_RANGE_CLOEXEC as i32);
            check_long(libc::syscall(libc::SYS_close_range, EVENTS + 1, libc::c_uint::MAX, cloexec))?;
            // 3. Limits, which the child cannot raise again.
            let seconds = limits.seconds.as_secs() + 1;
            limit(libc::RLIMIT_CPU, seconds)?;
            limit(libc::RLIMIT_AS, limits.memory)?;
            limit(libc::RLIMIT_FSIZE, limits.output)?;
            limit(libc::RLIMIT_NOFILE, MAX_FILES)?;
            limit(libc::RLIMIT_CORE, 0)?;
            if let Some(user) = self.user {
                limit(libc::RLIMIT_NPROC, MAX_PROCESSES)?;
                // 4. Another user, without any group of the runner's.
                check(libc::setgroups(0, std::ptr::null()))?;
                check(libc::setresgid(user, user, user))?;
                check(libc::setresuid(user, user, user))?;
            }
            // 5. It dies with the runner. Changing the user clears this, so it comes after; a runner that died before
            // is seen by its number.
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            if libc::getppid() != self.parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            // 6. No program it runs can gain a right.
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        }
        Ok(())
    }
}

#[expect(unsafe_code, reason = "see Entry::enter")]
fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let both = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the pointer is to a value that lives until the call returns.
    check(unsafe { libc::setrlimit(resource, &both) })
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    check_long(outcome.into())
}

fn check_long(outcome: libc::c_long) -> io::Result<()> {
    if outcome == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// All that a script started.
struct Group {
    leader: Option<i32>,
    user: Option<u32>,
}

impl Group {
    /// Kills the process group.
    fn kill(&self) {
        if let Some(leader) = self.leader {
            // Gone already is as good.
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }

    /// Kills every process of the slot's user: one that left the group cannot leave its user. Without a user of its
    /// own, the group is all that is known.
    async fn end(&self) {
        let Some(user) = self.user else { return self.kill() };
        let rounds = REAP.as_millis() / 10;
        for _ in 0..rounds {
            let left = processes_of(user);
            if left.is_empty() {
                return;
            }
            for process in left {
                let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
            }
            // They are children of init now, whose end cannot be awaited.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tracing::error!(user, "processes of a job's user cannot be killed");
    }
}

/// The processes of a user that are not dead already.
fn processes_of(user: u32) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let of_user = |entry: std::fs::DirEntry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let is_theirs = entry.metadata().ok()?.uid() == user;
        // The state follows the name, which is in brackets and may hold anything.
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let is_zombie = stat.rsplit_once(')')?.1.trim_start().starts_with('Z');
        (is_theirs && !is_zombie).then_some(id)
    };
    entries.flatten().filter_map(of_user).collect()
}

/// A child gets the event pipe as descriptor 3. Were 3 free in this process, the standard library's own pipe to a
/// child between fork and exec could be 3, and would be overwritten.
pub(super) fn keep_descriptor_three_taken() -> io::Result<()> {
    loop {
        let file = File::open("/dev/null")?;
        if file.as_raw_fd() > EVENTS {
            return Ok(());
        }
        // Kept open for the life of the process.
        std::mem::forget(file);
    }
}

/// Keeps other processes of the same user from reading this one's memory and environment, where the credentials are.
pub(super) fn hide_from_own_children() -> io::Result<()> {
    // SAFETY: plain numbers.
    #[expect(unsafe_code, reason = "prctl has no safe form in the libraries used")]
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) })
}
