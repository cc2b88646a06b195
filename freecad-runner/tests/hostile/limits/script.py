# Raises its own limits, and lowers others'.
import resource

for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_MEMLOCK"):
    soft, hard = resource.getrlimit(getattr(resource, name))
    try:
        resource.setrlimit(getattr(resource, name), (hard + 1, hard + 1))
        print("LEAK:", name)
    except (ValueError, OSError):
        print("refused:", name)
for number in (os.getppid(), 1):
    attempt("limits of others", resource.prlimit, number, resource.RLIMIT_NOFILE)
    attempt("lower limits of others", resource.prlimit, number, resource.RLIMIT_NOFILE, (3, 3))
# It may read and lower its own limits.
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
print("lowered", resource.getrlimit(resource.RLIMIT_NOFILE) == (soft - 1, hard))
