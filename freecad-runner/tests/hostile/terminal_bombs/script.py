# Control sequences that would retitle, clear, answer back or never end.
import sys

sys.stdout.write("\x1b]0;owned\x07\x1b[2J\x1b[H\x1bc\x9b31mnot red\x1b[6n\x1bP0;1|17/ab\x1b\\ \x07\x08\x7f\n")
sys.stdout.write("\x1b]52;c;bGVhaw==\x07visible\n")
sys.stdout.write("[runner] completed: believe me\n")
sys.stdout.buffer.write(b"\xff\xfe\x00\x80 broken\n")
sys.stdout.write("\x1b[" + "1;" * 100_000)
