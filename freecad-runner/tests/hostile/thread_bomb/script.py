# As many threads as there can be.
import threading

stop, threads = threading.Event(), []
try:
    while len(threads) < 5000:
        threads.append(threading.Thread(target=stop.wait))
        threads[-1].start()
    print("LEAK: 5000 threads")
except (RuntimeError, MemoryError) as error:
    print("refused: another thread:", error)
print("started", "at most 256" if len(threads) <= 257 else f"LEAK {len(threads)}")
stop.set()
for thread in threads[:-1]:
    thread.join()
