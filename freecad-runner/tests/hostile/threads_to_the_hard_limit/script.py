# Burns the processor on every core and ignores the signal of the soft limit: the kernel's kill must not be taken for a
# lack of memory.
import hashlib
import signal
import threading

signal.signal(signal.SIGXCPU, signal.SIG_IGN)
block = b"x" * (16 << 20)


def burn():
    while True:
        hashlib.sha256(block)  # Without Python's lock.


for _ in range(7):
    threading.Thread(target=burn, daemon=True).start()
burn()
