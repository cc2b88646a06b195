//! What a script may do: limits, files, system calls. Decided here, entered by the forked child itself
//! (`python/partwright/jail.py`), explained step by step in JAIL.md.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use serde::Serialize;

use super::scratch::JobDirectory;
use crate::config::{JailMode, Limits};

/// What a job may read: the libraries and data that FreeCAD needs, and nothing that a host keeps for itself.
const READABLE: [&str; 12] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/share",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/freecad",
    "/dev/urandom",
    "/dev/zero",
];

/// Landlock's version that knows every way to change a file: truncation came with the third.
const FILE_ABI: ABI = ABI::V3;

/// Threads of the job's user: FreeCAD's own, and room for what numerical libraries start.
const MAX_TASKS: u64 = 256;

/// How many seconds of processor time come between the signal that can be ignored and the one that cannot.
pub(crate) const CPU_GRACE: u64 = 2;

/// Open files of a job.
const MAX_FILES: u64 = 256;

/// The limits and the user, as the child sets them.
#[derive(Debug, Serialize)]
pub(crate) struct Policy<'a> {
    /// The process that the child must be a child of.
    pub server: u32,
    /// The user and group to become; none to stay.
    pub user: Option<u32>,
    /// The whole environment.
    pub environment: BTreeMap<&'static str, String>,
    /// The current, home and temporary directory.
    pub work: &'a Path,
    /// Resource limits by name, soft and hard.
    pub limits: BTreeMap<&'static str, (u64, u64)>,
    /// The seccomp filters in hex, in the order of loading.
    pub seccomp: &'a [String],
}

impl<'a> Policy<'a> {
    /// The policy of one job.
    pub(crate) fn new(
        server: u32,
        user: Option<u32>,
        directory: &'a JobDirectory,
        work: &'a Path,
        limits: Limits,
        seccomp: &'a [String],
    ) -> Self {
        let text = |path: &Path| path.display().to_string();
        let environment = BTreeMap::from([
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("HOME", text(work)),
            ("TMPDIR", text(work)),
            ("FREECAD_USER_HOME", text(work)),
            ("FREECAD_OUTPUT", text(&directory.output())),
            // One thread: the limits hold for all of them together.
            ("OPENBLAS_NUM_THREADS", "1".to_owned()),
        ]);
        let mut all = BTreeMap::from([
            // At the soft limit comes SIGXCPU, by which the end is known; at the hard one, SIGKILL (see `verdict`).
            ("RLIMIT_CPU", (limits.seconds.as_secs(), limits.seconds.as_secs() + CPU_GRACE)),
            ("RLIMIT_AS", (limits.memory, limits.memory)),
            ("RLIMIT_FSIZE", (limits.output, limits.output)),
            ("RLIMIT_NOFILE", (MAX_FILES, MAX_FILES)),
            ("RLIMIT_CORE", (0, 0)),
            ("RLIMIT_MEMLOCK", (0, 0)),
            ("RLIMIT_MSGQUEUE", (0, 0)),
        ]);
        if user.is_some() {
            // It counts all tasks of the user, so it is for a user that has no others.
            all.insert("RLIMIT_NPROC", (MAX_TASKS, MAX_TASKS));
        }
        Self { server, user, environment, work, limits: all, seccomp }
    }
}

/// The Landlock ruleset of one job: reads what FreeCAD needs, writes its own two directories, no network, no signals
/// to processes outside, no abstract sockets.
///
/// # Errors
/// When the kernel lacks Landlock for files; the network and signal parts come with newer kernels.
pub(crate) fn ruleset(directory: &JobDirectory, python: &Path) -> Result<OwnedFd, String> {
    let told = |error: &dyn std::fmt::Display| format!("Landlock: {error}");
    let all = AccessFs::from_all(FILE_ABI);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No links, sockets, pipes, devices, and nothing to execute.
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(all)
        .map_err(|error| told(&error))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessNet::from_all(ABI::V4))
        .map_err(|error| told(&error))?
        .scope(Scope::from_all(ABI::V6))
        .map_err(|error| told(&error))?
        .create()
        .map_err(|error| told(&error))?
        .set_compatibility(CompatLevel::HardRequirement);
    let script = directory.script();
    let (work, output) = (directory.work(), directory.output());
    let mut rules = vec![(python, read), (script.as_path(), AccessFs::ReadFile.into())];
    rules.extend([(work.as_path(), write), (output.as_path(), write)]);
    rules.push((Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile));
    rules.extend(READABLE.iter().map(|path| (Path::new(path), read)));
    for (path, access) in rules {
        // A distribution lacks some of these; what is not there needs no permission.
        let Ok(metadata) = std::fs::metadata(path) else { continue };
        let access = if metadata.is_dir() { access } else { access & AccessFs::from_file(FILE_ABI) };
        let descriptor = PathFd::new(path).map_err(|error| told(&error))?;
        ruleset = ruleset.add_rule(PathBeneath::new(descriptor, access)).map_err(|error| told(&error))?;
    }
    Option::<OwnedFd>::from(ruleset).ok_or_else(|| "Landlock: the kernel has none".to_owned())
}

/// The version of the kernel's Landlock; none where it is missing or turned off.
pub fn landlock_version() -> Option<i32> {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    // SAFETY: a null pointer, a zero size and this flag ask for the version and do nothing else (landlock(7)).
    #[expect(unsafe_code, reason = "the library tells it only in part")]
    let version = unsafe {
        let nothing = std::ptr::null::<libc::c_void>();
        libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0, LANDLOCK_CREATE_RULESET_VERSION)
    };
    i32::try_from(version).ok().filter(|version| *version > 0)
}

/// The seccomp filters, in the order of loading, as hex.
///
/// # Errors
/// On a processor that is not known.
pub(crate) fn seccomp(mode: JailMode) -> Result<Vec<String>, String> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(|error| format!("seccomp: {error}"))?;
    // One filter has one answer for all that it catches, so other answers than EPERM take filters of their own.
    let answering = |calls: &[i64], answer: i32| {
        let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(answer as u32), arch)
    };
    // The C library takes "no such call" from clone3 as advice to use clone, whose flags a filter can look at.
    let no_clone3 = answering(&[libc::SYS_clone3], libc::ENOSYS);
    // Python's shutil copies attributes, and goes on without where there are none.
    let no_attributes = answering(ATTRIBUTES, libc::ENOTSUP);
    // Landlock does not govern these, so only another user keeps a script from files that are not its own. Where it has
    // none, nothing happens, and it is told that it did: libraries that copy and unpack files ask for no more.
    let no_modes = match mode {
        JailMode::Full => None,
        JailMode::SameUid => Some(answering(MODES_AND_TIMES, 0)),
    };
    let allowed = SeccompFilter::new(rules()?, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow, arch);
    [no_clone3, no_attributes]
        .into_iter()
        .chain(no_modes)
        .chain([allowed])
        .map(|filter| {
            let program: BpfProgram =
                filter.and_then(|filter| filter.try_into()).map_err(|error| format!("seccomp: {error}"))?;
            Ok(program.iter().map(|i| format!("{}{:02x}{:02x}{}", le16(i.code), i.jt, i.jf, le32(i.k))).collect())
        })
        .collect()
}

fn le16(number: u16) -> String {
    number.to_ne_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn le32(number: u32) -> String {
    number.to_ne_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every system call that a job may make. No fork, exec, socket, signal to others, mount, trace or key.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ATTRIBUTES).chain(MODES_AND_TIMES).map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(ALLOWED_X86_64.iter().map(|call| (*call, Vec::new())));
    let rule = |argument, length, operator, value: u64| {
        SeccompCondition::new(argument, length, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| format!("seccomp: {error}"))
    };
    let only = |argument, value: u64, mask: Option<u64>| {
        let operator = mask.map_or(SeccompCmpOp::Eq, SeccompCmpOp::MaskedEq);
        rule(argument, SeccompCmpArgLen::Qword, operator, value)
    };
    // Threads, not processes.
    let thread = libc::CLONE_THREAD as u64;
    rules.insert(libc::SYS_clone, vec![only(0, thread, Some(thread))?]);
    // A thread's name, and nothing else that prctl can do.
    rules.insert(
        libc::SYS_prctl,
        vec![only(0, libc::PR_SET_NAME as u64, None)?, only(0, libc::PR_GET_NAME as u64, None)?],
    );
    // Its own limits, as the C library asks for and lowers them; others' are not even its user's to set. The kernel looks
    // at the lower half of a process id alone.
    rules.insert(libc::SYS_prlimit64, vec![rule(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0)?]);
    // What Python asks of a descriptor; no terminal's input can be faked.
    let asked = [libc::TCGETS, libc::FIONREAD, libc::FIOCLEX, libc::FIONCLEX, libc::FIONBIO, libc::TIOCGWINSZ];
    let asked: Result<_, _> = asked.iter().map(|request| only(1, *request, None)).collect();
    rules.insert(libc::SYS_ioctl, asked?);
    Ok(rules)
}

/// Asking for extended attributes: answered as by a file system that has none.
const ATTRIBUTES: &[i64] = &[
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
];

/// Changing a file's mode and times.
const MODES_AND_TIMES: &[i64] = &[
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utimensat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
];

/// Calls with any arguments.
const ALLOWED: &[i64] = &[
    // Files that are open, and opening more: what may be opened, Landlock says.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_ftruncate,
    libc::SYS_truncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    libc::SYS_umask,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mbind,
    libc::SYS_get_mempolicy,
    libc::SYS_set_mempolicy,
    // Threads, waiting and time.
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_getpriority,
    libc::SYS_getcpu,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getitimer,
    libc::SYS_setitimer,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Its own signals. `tgkill` is how a process aborts itself; others' are kept off by their user and by Landlock.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_rt_sigsuspend,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_restart_syscall,
    // What it is and how much is left.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_getrlimit,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The old forms, which only x86_64 has.
#[cfg(target_arch = "x86_64")]
const ALLOWED_X86_64: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_alarm,
    libc::SYS_time,
    libc::SYS_arch_prctl,
    libc::SYS_getpgrp,
];
