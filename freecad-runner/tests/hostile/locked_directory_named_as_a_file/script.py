# A directory that cannot be moved out of the way.
directory = os.path.join(OUTPUT, "MyHeadlessModel.STEP")
os.mkdir(directory)
open(os.path.join(directory, "file"), "w").close()
os.chmod(directory, 0)
