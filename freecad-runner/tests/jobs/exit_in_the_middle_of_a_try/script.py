# Catches everything, its own exit too, and goes on until it fails for good.
try:
    raise SystemExit(1)
except BaseException as error:
    print("caught", type(error).__name__)
assert 1 + 1 == 3, "arithmetic"
