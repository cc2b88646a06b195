# Closes everything: the runner cannot be told, and must not wait.
print("closing", flush=True)
os.closerange(0, 4096)
