# A tree so deep that removing it by names, by recursion, or with a descriptor a level fails: to the limit of what a
# volume holds, where there is one. It grows at its root, since Landlock looks at every level above what is made.
depth = 0
try:
    os.mkdir("d")
    while depth < 12_000:
        os.mkdir("above")
        os.rename("d", "above/d")
        os.rename("above", "d")
        depth += 1
except OSError as error:
    print("refused: deeper:", errno.errorcode[error.errno])
print("depth", depth if depth < 9_000 else "enough", flush=True)
# No time is left to think about it.
os._exit(0)
