# Reaches into the runner's own modules in its own process: what it says there is believed by nobody but itself.
import sys

for name, module in list(sys.modules.items()):
    if name.startswith("partwright"):
        for key in list(vars(module)):
            if not key.startswith("__"):
                setattr(module, key, None)
print("rewritten")
