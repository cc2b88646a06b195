# Threads, exit handlers and timers that would outlive the job.
import atexit
import signal
import threading
import time


def stay():
    while True:
        time.sleep(0.1)


for _ in range(10):
    threading.Thread(target=stay).start()
atexit.register(stay)
signal.signal(signal.SIGALRM, lambda *_: stay())
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
threading.excepthook = lambda *_: stay()
print("staying")
