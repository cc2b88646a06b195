"""The jail. The forked child enters it before it touches the script; if one step fails, the script does not run.

The runner decides what is allowed and sends it: the limits, the user, the Landlock ruleset as a descriptor, and the
seccomp filters as bytes. This file only takes the steps, in this order; JAIL.md says what each one stops.
"""

import ctypes
import os
import resource
import struct

import FreeCAD

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SIGKILL = 9

# System call numbers, the same on x86_64 and aarch64.
SYS_LANDLOCK_RESTRICT_SELF = 446
SYS_CLOSE_RANGE = 436

_libc = ctypes.CDLL(None, use_errno=True)


def enter(policy, ruleset, keep):
    """Takes every step. If one fails, raises OSError with the step as its file name."""
    # 1. Close all descriptors except the job's; the ruleset is closed after step 9.
    close_all_but({*keep, ruleset})
    # 2. A session of its own: no terminal, and one signal reaches all its processes.
    step("setsid", os.setsid)
    # 3. Only the job's own environment variables; temporary files go into its own directory.
    os.environ.clear()
    os.environ.update(policy["environment"])
    for name in ("UserHomePath", "UserAppData", "UserCachePath", "AppTempPath", "UserConfigPath"):
        FreeCAD.ConfigSet(name, policy["work"] + "/")
    # 4. The job's own current directory.
    step("chdir", os.chdir, policy["work"])
    os.umask(0o077)
    # 5. Resource limits, which it cannot raise again.
    for name, soft_and_hard in policy["limits"].items():
        step(name, resource.setrlimit, getattr(resource, name), tuple(soft_and_hard))
    # 6. The user of the slot, without supplementary groups.
    user = policy["user"]
    if user is not None:
        step("setgroups", os.setgroups, [])
        step("setresgid", os.setresgid, user, user, user)
        step("setresuid", os.setresuid, user, user, user)
        if os.getresuid() != (user,) * 3 or os.getresgid() != (user,) * 3 or os.getgroups():
            raise PermissionError(1, "the user did not change", "setresuid")
    # 7. It dies with its fork server. A change of user clears this, so it comes after step 6. If the server died
    #    earlier, the parent has another number.
    prctl("PR_SET_PDEATHSIG", PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != policy["server"]:
        os._exit(71)
    # 8. No new privileges; the next two steps require it.
    prctl("PR_SET_NO_NEW_PRIVS", PR_SET_NO_NEW_PRIVS, 1)
    # 9. Landlock: which files it may reach, no network, no signals to processes outside.
    if _libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0) != 0:
        raise failure("landlock_restrict_self")
    os.close(ruleset)
    # 10. seccomp: which system calls it may make. The last step, as it forbids the calls of the others.
    for program in policy["seccomp"]:
        install(bytes.fromhex(program))


def close_all_but(keep):
    low = 0
    for descriptor in [*sorted(keep), None]:
        high = 0xFFFFFFFF if descriptor is None else descriptor - 1
        if low <= high and _libc.syscall(SYS_CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(high), 0) != 0:
            raise failure("close_range")
        if descriptor is not None:
            low = descriptor + 1


def install(program):
    """Loads one seccomp filter: an array of 8-byte BPF instructions."""
    instructions = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the count, padding, the address.
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        raise failure("seccomp")


def prctl(name, option, value):
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise failure(name)


def step(name, function, *arguments):
    """Calls a function; its exception gets the step's name."""
    try:
        function(*arguments)
    except (OSError, ValueError) as error:
        raise OSError(getattr(error, "errno", None) or 22, str(error), name) from error


def failure(name):
    """The error of the last libc call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), name)
