# A tree so deep that removing it by names, by recursion, or with a descriptor a level fails: to the limit of what a
# volume holds, or where there is none, deeper than the runner may have descriptors (a disk takes long to remove more).
# It grows at its root, since Landlock looks at every level above what is made.
wanted = 12_000 if os.statvfs(".").f_files <= 20_000 else 1_500
depth = 0
try:
    os.mkdir("d")
    while depth < wanted:
        os.mkdir("above")
        os.rename("d", "above/d")
        os.rename("above", "d")
        depth += 1
except OSError as error:
    print("refused: deeper:", errno.errorcode[error.errno])
print("depth", "enough" if depth >= min(wanted, 9_000) else depth, flush=True)
# Ends at once, without an export.
os._exit(0)
