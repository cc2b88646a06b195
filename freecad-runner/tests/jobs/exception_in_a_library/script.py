# The line is the script's own, not the library's.
import json

json.loads("{broken")
