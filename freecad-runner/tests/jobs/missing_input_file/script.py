# Reads a file from its author's machine.
import Part

Part.read("/home/me/bracket.step")
