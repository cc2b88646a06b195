# Waits, and uses nothing.
import time

print("good night")
while True:
    time.sleep(3600)
