# Mappings: private, shared, of a file with a hole, and the stack's and data's limits.
import mmap
import resource

held = []


def map_much(flags):
    for _ in range(64):
        held.append(mmap.mmap(-1, 64 << 20, flags=flags))
        held[-1][:: 1 << 20] = b"x" * 64
    return "4 GiB"


attempt("private", map_much, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
held.clear()
attempt("shared", map_much, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
held.clear()
attempt("one of 1 TiB", mmap.mmap, -1, 1 << 40)
attempt("mlock", syscall, 149, 0x10000, 4096)
try:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    print("LEAK: the limit was raised")
except (ValueError, OSError):
    print("refused: a higher limit")
