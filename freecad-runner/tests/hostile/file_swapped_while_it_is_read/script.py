# A thread goes on changing the files while they are checked and collected.
import threading

base = os.path.join(OUTPUT, "MyHeadlessModel")
write, rename, unlink = os.open, os.rename, os.unlink
O = os.O_CREAT | os.O_WRONLY | os.O_TRUNC


def swap():
    while True:
        for format in ("STEP", "STL", "OBJ", "FCStd"):
            for action in (lambda: os.close(os.open(f"{base}.{format}", O)), lambda: os.unlink(f"{base}.{format}"),
                           lambda: os.mkdir(f"{base}.{format}"), lambda: os.rmdir(f"{base}.{format}"),
                           lambda: os.symlink("/etc/shadow", f"{base}.{format}")):
                try:
                    action()
                except OSError:
                    pass


for _ in range(2):
    threading.Thread(target=swap, daemon=True).start()
