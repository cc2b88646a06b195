# Undoes what the jail has set: death with the parent, no dumps, no new rights.
for name, option, value in (("pdeathsig", 1, 0), ("dumpable", 4, 1), ("no_new_privs", 38, 0), ("keepcaps", 8, 1),
                            ("subreaper", 36, 1), ("seccomp", 22, 1), ("ptracer", 0x59616D61, 1), ("tsc", 26, 1),
                            ("capability bound", 24, 0), ("ambient", 47, 2), ("securebits", 28, 0), ("mm", 35, 0),
                            ("speculation", 53, 0), ("syscall dispatch", 59, 1)):
    attempt(name, syscall, 157, option, value, 0, 0, 0)
attempt("new session", os.setsid)
attempt("new group", os.setpgid, 0, 0)
