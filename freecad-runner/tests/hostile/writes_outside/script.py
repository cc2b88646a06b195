# Files in every place where one may usually write.
def leave(path):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    os.write(descriptor, b"left by a script")
    os.close(descriptor)
    return path


for directory in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/usr/local/lib", "/usr/share", "/home", "/root",
                  "/var/lib", "/etc", "/", "/dev/mqueue", "/sys/fs/cgroup", "/proc/self"):
    attempt(f"write {directory}", leave, os.path.join(directory, "partwright-leak"))
    attempt(f"make {directory}", os.mkdir, os.path.join(directory, "partwright-leak-directory"))
    attempt(f"unnamed {directory}", os.open, directory, os.O_TMPFILE | os.O_RDWR)
attempt("climb", leave, os.path.join(OUTPUT, "../../../../partwright-leak"))
attempt("zero", os.open, "/dev/zero", os.O_RDWR)
attempt("full", os.open, "/dev/full", os.O_RDWR)
