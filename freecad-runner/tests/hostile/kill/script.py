# Signals to the fork server, to init, to all processes, to a group.
import signal

for number, name in ((os.getppid(), "parent"), (1, "init"), (-1, "everybody"), (0, "group")):
    for value in (0, signal.SIGKILL, signal.SIGSTOP):
        attempt(f"kill {name}", os.kill, number, value)
attempt("killpg", os.killpg, os.getpgid(os.getppid()), signal.SIGKILL)
attempt("tgkill parent", syscall, 234, os.getppid(), os.getppid(), 9)
attempt("tkill", syscall, 200, os.getppid(), 9)
attempt("queue", syscall, 129, os.getppid(), 9, None)
# It may end itself, if its own number is among these.
for number in {*range(2, 3000)} - {os.getpid()}:
    try:
        syscall(234, number, number, 9)
        print("LEAK: a signal to", number)
    except OSError:
        pass
