//! A started program: its log and its certain end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::wait::until;

/// A running program that leads its own process group. Dropping it ends the whole group.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// How long the group may take to end after SIGTERM, before SIGKILL.
    grace: Duration,
}

/// A command in its own process group. It inherits only the variables that locate programs and certificates. If this
/// test dies, the kernel sends it the signal `orphaned`.
pub fn command(program: &Path, orphaned: Signal) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", &orphaned.as_str()["SIG".len()..], "--"]).arg(program).env_clear();
    let kept = ["PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];
    command.envs(kept.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

impl Process {
    /// Starts `command`. Its output goes to `{folder}/{name}.log`.
    pub fn start(folder: &Path, name: &str, grace: Duration, mut command: Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} did not start: {error}"));
        Self { name: name.to_owned(), child, log, grace }
    }

    /// Its output so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Fails the test if the program has ended.
    pub fn must_live(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} ended by itself: {status}\n{}", self.name, self.output());
        }
    }

    /// Sends a signal to the program, not to its group.
    pub fn signal(&self, signal: Signal) {
        kill(self.id(), signal).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Sends SIGKILL to its group and waits until every process is gone.
    pub fn kill_all(self) {
        // Dropping `self` waits for them.
        let _ = killpg(self.id(), Signal::SIGKILL);
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let Self { name, child, .. } = self;
        until(&format!("the end of {name}"), async || child.try_wait().unwrap().ok_or("it still runs".to_owned())).await
    }

    /// The processor time of its group so far.
    pub fn processor_time(&self) -> Duration {
        let ticks_a_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).unwrap().unwrap();
        let group = self.id().to_string();
        let ticks: u64 = fs::read_dir("/proc").unwrap().filter_map(|entry| ticks_of(&entry.ok()?.path(), &group)).sum();
        Duration::from_secs_f64(ticks as f64 / ticks_a_second as f64)
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

/// The processor time of a process of this group, and of the children that it has waited for (proc(5), `stat`).
fn ticks_of(process: &Path, group: &str) -> Option<u64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    // The name, in brackets, may contain anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let is_member = fields.get(2) == Some(&group);
    is_member.then(|| fields[11..15].iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum())
}

impl Drop for Process {
    fn drop(&mut self) {
        // wrangler's first process ends before its children do, so this waits for the group, which may be gone already.
        let group = self.id();
        let _ = killpg(group, Signal::SIGTERM);
        let pause = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while group_is_alive(group) {
            if waited >= self.grace {
                let _ = killpg(group, Signal::SIGKILL);
            }
            let _ = self.child.try_wait();
            std::thread::sleep(pause);
            waited += pause;
        }
        let _ = self.child.wait();
    }
}

/// Whether any process of the group still runs. Zombies do not count.
fn group_is_alive(group: Pid) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let in_group = |entry: fs::DirEntry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name in brackets, which may contain anything: state, parent, group.
        let mut rest = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = rest.next()?;
        let its_group: i32 = rest.nth(1)?.parse().ok()?;
        (its_group == group.as_raw() && state != "Z").then_some(())
    };
    entries.flatten().any(|entry| in_group(entry).is_some())
}
