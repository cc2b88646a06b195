# Closes all descriptors: no result can reach the runner, which must not wait.
print("closing", flush=True)
os.closerange(0, 4096)
