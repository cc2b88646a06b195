# Ends with SIGKILL, which leaves no message and looks like the kernel's out-of-memory killer.
import signal

print("farewell", flush=True)
syscall(234, os.getpid(), os.getpid(), signal.SIGKILL)
