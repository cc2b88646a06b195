# Files without end: each is an inode that the host may lack.
made = 0
try:
    for directory in range(200):
        os.mkdir(f"d{directory}")
        for number in range(1000):
            os.close(os.open(f"d{directory}/{number}", os.O_CREAT | os.O_WRONLY))
            made += 1
except OSError as error:
    print("refused: another file:", errno.errorcode[error.errno])
print("made", "some" if made < 100_000 else f"LEAK: {made} files")
