# Programs by Python's own ways.
import multiprocessing
import subprocess

attempt("subprocess", subprocess.run, ["/usr/bin/id"])
attempt("popen", os.popen, "id")
attempt("posix_spawn", os.posix_spawn, "/usr/bin/id", ["id"], {})
attempt("multiprocessing", multiprocessing.Process(target=print).start)
print("system", "refused" if os.system("echo LEAK") else "LEAK")
