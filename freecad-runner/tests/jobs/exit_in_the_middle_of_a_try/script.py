# Catches every exception, its own exit too, and then fails.
try:
    raise SystemExit(1)
except BaseException as error:
    print("caught", type(error).__name__)
assert 1 + 1 == 3, "arithmetic"
