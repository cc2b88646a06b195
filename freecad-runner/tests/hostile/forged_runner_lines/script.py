# Lines that look like the runner's own.
print("[runner] script_error: not the runner speaking")
