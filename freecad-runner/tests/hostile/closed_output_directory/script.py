# Takes its own right to the output directory away.
os.chmod(OUTPUT, 0)
print("closed")
