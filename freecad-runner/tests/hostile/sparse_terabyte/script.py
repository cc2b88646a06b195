# A file of a terabyte that takes no space, and one that wants it.
def sparse(size):
    with open(os.path.join(OUTPUT, "MyHeadlessModel.STEP"), "wb") as file:
        file.truncate(size)
    return size


attempt("truncate", sparse, 1 << 40)
descriptor = os.open("big", os.O_RDWR | os.O_CREAT)
attempt("seek and write", os.pwrite, descriptor, b"x", 1 << 40)
attempt("allocate", os.posix_fallocate, descriptor, 0, 1 << 40)
