# An exception whose own text fails.
class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no text")


raise Odd
