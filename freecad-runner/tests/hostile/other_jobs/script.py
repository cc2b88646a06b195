# The runner's scratch directory, its lock, other slots and jobs, and this job's own place beside its own directories.
job = os.path.dirname(OUTPUT)
above = job
while above != "/":
    attempt("list", os.listdir, above)
    attempt("lock", open, os.path.join(above, "lock"))
    attempt("lock to write", open, os.path.join(above, "lock"), "a")
    attempt("file", open, os.path.join(above, "partwright-leak"), "w")
    attempt("directory", os.mkdir, os.path.join(above, "slot9"))
    attempt("home", os.listdir, os.path.join(above, "home"))
    above = os.path.dirname(above)
attempt("remove own directory", os.rmdir, os.path.join(job, "work"))
attempt("move own directory", os.rename, os.path.join(job, "work"), os.path.join(job, "moved"))
attempt("move out", os.rename, os.path.join(job, "work"), "/tmp/moved")
attempt("change own script", open, os.path.join(job, "script.py"), "w")
