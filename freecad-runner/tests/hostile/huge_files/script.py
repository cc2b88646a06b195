# One file for ever, then many of the largest size that is allowed.
import errno

block, total = b"x" * (1 << 20), 0
for number in range(5):
    descriptor = os.open(f"huge{number}", os.O_WRONLY | os.O_CREAT)
    try:
        while total < 1200 << 20:
            total += os.write(descriptor, block)
    except OSError as error:
        print("refused: more in a file:", errno.errorcode[error.errno])
    os.close(descriptor)
# Twice what a job may leave is ample for working files.
print("wrote", "little" if total <= 600 << 20 else f"LEAK: {total >> 20} MiB on the disk")
