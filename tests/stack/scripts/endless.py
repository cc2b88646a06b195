import signal
import time

# A polite request to stop would be ignored.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("for ever")
while True:
    time.sleep(0.1)
