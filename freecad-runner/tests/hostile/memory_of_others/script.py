# Memory, maps and descriptors of other processes.
for number in (1, os.getppid(), os.getpid()):
    for name in ("mem", "maps", "syscall", "stack", "auxv"):
        attempt(f"/proc {name}", os.open, f"/proc/{number}/{name}", os.O_RDONLY)
    attempt("/proc fd", os.listdir, f"/proc/{number}/fd")
    if number != os.getpid():
        for name in ("exe", "cwd", "root", "fd/0", "fd/3"):
            attempt(f"/proc {name}", os.readlink, f"/proc/{number}/{name}")
    attempt("write to /proc mem", os.open, f"/proc/{number}/mem", os.O_RDWR)
