# Lists its open descriptors, and opens as many as it can.
kinds, opened = [], []
for number in range(3, 4096):
    try:
        kinds.append((number, oct(os.fstat(number).st_mode >> 12)))
    except OSError:
        pass
# Only the event pipe: no socket, no file, no directory of the runner's.
print("open", "only a pipe" if [kind for _, kind in kinds] == ["0o1"] else f"LEAK {kinds}")
try:
    while len(opened) < 5000:
        opened.append(os.open("/dev/null", os.O_RDONLY))
    print("LEAK: 5000 descriptors")
except OSError as error:
    print("refused: another descriptor:", errno.errorcode[error.errno])
