# A pipe on which the collector would wait, a socket, devices.
import stat

base = os.path.join(OUTPUT, "MyHeadlessModel")
attempt("pipe", os.mkfifo, base + ".STEP")
attempt("socket", os.mknod, base + ".STL", stat.S_IFSOCK | 0o666)
attempt("character device", os.mknod, base + ".OBJ", stat.S_IFCHR | 0o666, os.makedev(1, 1))
attempt("block device", os.mknod, base + ".FCStd", stat.S_IFBLK | 0o666, os.makedev(8, 0))
attempt("mknodat", syscall, 259, -100, b"fifo", stat.S_IFIFO | 0o666, 0)
attempt("attribute", os.setxattr, "/proc/self/exe", "user.x", b"y")
