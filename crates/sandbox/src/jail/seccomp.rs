//! Step 10: the filters for system calls.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::system_calls::{ALLOWED, ATTRIBUTES, MODES_AND_TIMES};
use crate::config::JailMode;

/// Builds the filters in hex, in the order of loading.
///
/// # Errors
/// On a processor that the library does not support.
pub(crate) fn seccomp(mode: JailMode) -> Result<Vec<String>, String> {
    let arch: TargetArch = std::env::consts::ARCH.try_into().map_err(failure)?;
    // All calls that one filter catches get the same answer, so each other answer than EPERM needs its own filter.
    let answering = |calls: &[i64], answer: i32| {
        let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(answer as u32), arch)
    };
    // With ENOSYS the C library uses clone instead of clone3. A filter can read the flags of clone only.
    let no_clone3 = answering(&[libc::SYS_clone3], libc::ENOSYS);
    // Python's shutil copies extended attributes, and accepts a file system that has none.
    let no_attributes = answering(ATTRIBUTES, libc::ENOTSUP);
    // Landlock does not govern modes and times, so only a user of its own keeps a script from changing those of other
    // files. Without one the call reports success and does nothing, which is enough for libraries that copy and unpack.
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
            let program: BpfProgram = filter.and_then(TryInto::try_into).map_err(failure)?;
            let instruction =
                |code: u16, jt: u8, jf: u8, k: u32| hex(&code.to_ne_bytes()) + &hex(&[jt, jf]) + &hex(&k.to_ne_bytes());
            Ok(program.iter().map(|i| instruction(i.code, i.jt, i.jf, i.k)).collect())
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failure(error: impl std::fmt::Display) -> String {
    format!("seccomp: {error}")
}

/// The rules for every system call that a job may make. No fork, exec, socket, signal to others, mount, trace or key.
fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ATTRIBUTES).chain(MODES_AND_TIMES).map(|call| (*call, Vec::new())).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(super::system_calls::ALLOWED_X86_64.iter().map(|call| (*call, Vec::new())));
    let rule = |argument, length, operator, value: u64| {
        SeccompCondition::new(argument, length, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(failure)
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
    // Its own limits, which the C library reads and lowers; the users already protect those of other processes. The
    // kernel reads only the lower half of a process id.
    rules.insert(libc::SYS_prlimit64, vec![rule(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0)?]);
    // The requests that Python makes for a descriptor. None of them can fake a terminal's input.
    let requests = [libc::TCGETS, libc::FIONREAD, libc::FIOCLEX, libc::FIONCLEX, libc::FIONBIO, libc::TIOCGWINSZ];
    let requests: Result<_, _> = requests.iter().map(|request| only(1, *request, None)).collect();
    rules.insert(libc::SYS_ioctl, requests?);
    Ok(rules)
}
