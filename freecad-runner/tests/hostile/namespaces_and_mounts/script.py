# Namespaces of its own, in which it would be root.
flags = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "network": 0x40000000, "ipc": 0x8000000, "files": 0x400}
for name, flag in flags.items():
    attempt(f"unshare {name}", syscall, 272, flag)
attempt("thread in a user namespace", syscall, 56, 0x10000000 | 0x10000 | 0x800 | 0x100, 0, 0, 0, 0)
attempt("setns", syscall, 308, 0, 0)
attempt("mount", syscall, 165, b"none", OUTPUT.encode(), b"tmpfs", 0, None)
attempt("umount", syscall, 166, b"/", 2)
attempt("fsopen", syscall, 430, b"tmpfs", 0)
attempt("open_tree", syscall, 428, -100, b"/", 1)
attempt("move_mount", syscall, 429, -100, b"/", -100, b"/tmp", 0)
attempt("chroot", os.chroot, OUTPUT)
attempt("pivot_root", syscall, 155, b".", b".")
attempt("open by handle", syscall, 304, 0, None, 0)
attempt("name to handle", syscall, 303, -100, b"/", None, None, 0)
