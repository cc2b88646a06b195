# A tree so deep that removing it by names or by recursion fails.
depth = 0
try:
    while depth < 4_000:
        os.mkdir("d")
        os.chdir("d")
        depth += 1
except OSError as error:
    print("refused: deeper:", errno.errorcode[error.errno])
print("depth", depth)
