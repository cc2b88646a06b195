# A block that is not indented.
if True:
print("no")
