# Debugs the parent, init, itself.
ATTACH, TRACEME, SEIZE = 16, 0, 0x4206
attempt("trace me", syscall, 101, TRACEME, 0, 0, 0)
for number in (os.getppid(), 1):
    attempt("attach", syscall, 101, ATTACH, number, 0, 0)
    attempt("seize", syscall, 101, SEIZE, number, 0, 0)
