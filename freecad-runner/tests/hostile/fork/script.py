# Another process by every call that makes one.
import pty


def forked(fork):
    child = fork()
    if child == 0:
        os._exit(0)
    return child


attempt("os.fork", forked, os.fork)
attempt("forkpty", pty.fork)
attempt("raw fork", syscall, 57)
attempt("vfork", syscall, 58)
SIGCHLD, CLONE_VM, CLONE_VFORK, CLONE_PARENT = 17, 0x100, 0x4000, 0x8000
attempt("clone", syscall, 56, SIGCHLD, 0, 0, 0, 0)
attempt("clone as vfork", syscall, 56, SIGCHLD | CLONE_VFORK, 0, 0, 0, 0)
attempt("clone beside", syscall, 56, SIGCHLD | CLONE_PARENT, 0, 0, 0, 0)
arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, SIGCHLD)
attempt("clone3", syscall, 435, arguments, 88)
