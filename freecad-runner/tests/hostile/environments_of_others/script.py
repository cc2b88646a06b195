# The environment of init, of the fork server, of the runner, and of everybody else.
def read(path):
    with open(path, "rb") as file:
        return file.read()


for whose in (1, os.getppid(), os.getpid(), "self", "thread-self"):
    attempt(f"environment of {whose}" if isinstance(whose, str) else "environment of a process", read, f"/proc/{whose}/environ")
attempt("list of processes", os.listdir, "/proc")
for number in range(1, 70_000):
    for name in ("environ", "cmdline", "status"):
        try:
            print("LEAK:", number, read(f"/proc/{number}/{name}")[:80])
        except OSError:
            pass
print("own:", sorted(os.environ))
