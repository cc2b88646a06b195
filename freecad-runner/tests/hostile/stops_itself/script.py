# Stops itself and is never continued: it neither runs nor ends.
import signal

print("stopping", flush=True)
syscall(234, os.getpid(), os.getpid(), signal.SIGSTOP)
