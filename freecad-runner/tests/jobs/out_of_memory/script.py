# Wants more memory than a job has.
hoard = []
while True:
    hoard.append(bytes(50_000_000))
