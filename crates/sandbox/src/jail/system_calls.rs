//! The system calls that a job may make.

/// Lists system calls without the crate's name before each.
macro_rules! calls {
    ($($(#[$attribute:meta])? $call:ident),* $(,)?) => { &[$($(#[$attribute])? libc::$call),*] };
}

/// Reading extended attributes. The answer is that of a file system without them.
pub(super) const ATTRIBUTES: &[i64] = calls! {
    SYS_listxattr, SYS_llistxattr, SYS_flistxattr, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr,
};

/// Changing a file's mode and times.
pub(super) const MODES_AND_TIMES: &[i64] = calls! {
    SYS_fchmod, SYS_fchmodat, SYS_utimensat,
    #[cfg(target_arch = "x86_64")] SYS_chmod,
    #[cfg(target_arch = "x86_64")] SYS_utime,
    #[cfg(target_arch = "x86_64")] SYS_utimes,
};

/// Calls that are allowed with any arguments.
pub(super) const ALLOWED: &[i64] = calls! {
    // Files. Landlock decides which of them may be opened.
    SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_openat,
    SYS_close, SYS_lseek, SYS_fstat, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_fstatfs, SYS_faccessat, SYS_faccessat2,
    SYS_readlinkat, SYS_getdents64, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_ftruncate, SYS_truncate,
    SYS_fallocate, SYS_fadvise64, SYS_fsync, SYS_fdatasync, SYS_flock, SYS_fcntl, SYS_dup, SYS_dup3, SYS_pipe2,
    SYS_sendfile, SYS_copy_file_range, SYS_umask, SYS_getcwd, SYS_chdir, SYS_fchdir,
    // Memory.
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_msync, SYS_mincore, SYS_mbind,
    SYS_get_mempolicy, SYS_set_mempolicy,
    // Threads, waiting and time.
    SYS_clone3, SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_set_tid_address, SYS_rseq, SYS_membarrier,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max,
    SYS_sched_get_priority_min, SYS_getpriority, SYS_getcpu, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime,
    SYS_clock_getres, SYS_gettimeofday, SYS_getitimer, SYS_setitimer, SYS_ppoll, SYS_pselect6, SYS_epoll_create1,
    SYS_epoll_ctl, SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime,
    // Its own signals. A process aborts itself with `tgkill`; users and Landlock protect the others from it.
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigsuspend,
    SYS_sigaltstack, SYS_tgkill, SYS_restart_syscall,
    // Its identity and its resources.
    SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid,
    SYS_getgroups, SYS_getpgid, SYS_getsid, SYS_getrusage, SYS_times, SYS_getrlimit, SYS_uname, SYS_sysinfo,
    SYS_getrandom, SYS_exit, SYS_exit_group,
};

/// The old forms of some calls, which only x86_64 has.
#[cfg(target_arch = "x86_64")]
pub(super) const ALLOWED_X86_64: &[i64] = calls! {
    SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename,
    SYS_dup2, SYS_pipe, SYS_poll, SYS_select, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd, SYS_alarm, SYS_time,
    SYS_arch_prctl, SYS_getpgrp,
};
