# Removes its own access to the output directory.
os.chmod(OUTPUT, 0)
print("closed")
