# The line is the innermost one of the script.
def outer(size):
    def inner(value):
        return 10 / value

    return inner(size - size)


outer(5)
