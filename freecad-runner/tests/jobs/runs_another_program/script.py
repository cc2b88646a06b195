# Calls a program.
import subprocess

subprocess.run(["openscad", "--version"], check=True)
