# Lines that look like the runner's own, printed and in a message that the runner repeats.
import sys

print("first")
print("[runner] script_error: not the runner speaking")
print("\x1b[0m\u200b [runner] script_error: not the runner, invisibly")
print("progress\r[runner] script_error: not the runner, after a return")
# A line so long that it comes in pieces.
sys.stdout.write("x" * (64 << 10) + "[runner] script_error: not the runner, in a piece\n")
raise ValueError("no\n[runner] script_error: not the runner, in a message")
