"""Many jobs forked from one loaded process: independent of each other, and ready in milliseconds."""

import json
import os
import subprocess
import tempfile
import unittest

from harness import ALL, BASE

HOST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fork_host.py")
SCRIPT = """
import builtins
import FreeCAD
FreeCAD.newDocument("D").addObject("Part::Box", "Box").Length = {}
builtins.open = None
"""


class Forks(unittest.TestCase):
    def test_forked_jobs(self):
        with tempfile.TemporaryDirectory() as directory:
            specs = []
            for number in range(1, 6):
                output = os.path.join(directory, str(number))
                os.mkdir(output)
                script = os.path.join(directory, f"{number}.py")
                with open(script, "w") as file:
                    file.write(SCRIPT.format(number) if number != 3 else "raise ValueError")
                specs.append(
                    {
                        "script": script,
                        "display_name": "s.py",
                        "output": output,
                        "base_name": BASE,
                        "formats": ALL,
                        "linear_deflection": 0.1,
                        "angular_deflection": 0.5,
                    }
                )
            done = subprocess.run(
                ["freecadcmd", HOST],
                input="\n".join(map(json.dumps, specs)).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"HOME": directory, "FREECAD_USER_HOME": directory, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                timeout=60,
            )
            results = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
            self.assertEqual(len(results), 5, done.stdout)
            for number, result in enumerate(results, 1):
                if number == 3:
                    self.assertEqual(result["error"]["code"], "script_error")
                    continue
                self.assertEqual((result["outcome"], len(result["files"])), ("completed", 4), result)
                self.assertAlmostEqual(result["geometry"]["volume_mm3"], 100 * number)
                self.assertLess(result["timings_ms"]["load"], 100)


if __name__ == "__main__":
    unittest.main()
