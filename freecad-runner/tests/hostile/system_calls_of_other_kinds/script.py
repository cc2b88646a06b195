# The same calls under the numbers of x32, which a filter may forget.
X32 = 0x40000000
for name, number in {"fork": 57, "socket": 41, "execve": 520, "ptrace": 521, "unshare": 272, "kill": 62, "open": 2}.items():
    attempt(f"x32 {name}", syscall, X32 | number, 2, 1, 0, 0, 0)
