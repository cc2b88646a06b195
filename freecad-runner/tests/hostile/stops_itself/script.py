# Stops and is not woken: it is neither running nor dead.
import signal

print("stopping", flush=True)
syscall(234, os.getpid(), os.getpid(), signal.SIGSTOP)
