# No module is loaded any more, and none can be found.
import sys

for name in list(sys.modules):
    if name not in ("sys", "builtins"):
        del sys.modules[name]
sys.path = sys.meta_path = None
sys.path_hooks = []
