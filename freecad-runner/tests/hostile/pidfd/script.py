# Descriptors of processes, and their descriptors.
for number in (os.getppid(), 1, os.getpid()):
    attempt("pidfd_open", os.pidfd_open, number)
attempt("pidfd_getfd", syscall, 438, 0, 3, 0)
attempt("pidfd_send_signal", syscall, 424, 0, 9, None, 0)
attempt("process_madvise", syscall, 440, 0, None, 0, 0, 0)
attempt("wait for others", os.waitid, os.P_ALL, 0, os.WEXITED | os.WNOHANG)
