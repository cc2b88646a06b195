# Another program in place of this one.
attempt("execv", os.execv, "/usr/bin/id", ["id"])
attempt("exec of the loader", os.execv, "/lib64/ld-linux-x86-64.so.2", ["ld.so", "/usr/bin/id"])
with open("mine", "w") as file:
    file.write("#!/bin/sh\necho LEAK\n")
os.chmod("mine", 0o755)
attempt("exec of an own file", os.execv, "./mine", ["mine"])
attempt("execveat", syscall, 322, -100, b"/usr/bin/id", None, None, 0)
