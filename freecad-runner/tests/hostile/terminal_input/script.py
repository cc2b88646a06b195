# Types into whatever terminal there is.
import fcntl

TIOCSTI, TIOCSCTTY, TIOCCONS, TIOCLINUX = 0x5412, 0x540E, 0x541D, 0x541C
for name, request in (("type", TIOCSTI), ("take", TIOCSCTTY), ("console", TIOCCONS), ("linux", TIOCLINUX)):
    for descriptor in (0, 1, 2):
        attempt(name, fcntl.ioctl, descriptor, request, b"x")
        attempt(name + " wide", syscall, 16, descriptor, (1 << 32) | request, b"x")
