# Both exceptions of a chain are in the log.
try:
    {}["missing"]
except KeyError as error:
    raise RuntimeError("no such part") from error
