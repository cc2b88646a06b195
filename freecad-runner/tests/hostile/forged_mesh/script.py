# A mesh file as large as is read, of triangles that share few points and no edge: drawn, it would be seven times as
# large, and take the runner 1.5 GB. The result that names it is forged too.
import json
import struct

import numpy

points = numpy.random.default_rng(1).random((3_000, 3), dtype=numpy.float32) * 100
count = ((64 << 20) - 200 - 12 * len(points)) // 12
triangles = numpy.random.default_rng(2).integers(0, len(points), size=(count, 3), dtype=numpy.uint32)
with open(os.path.join(OUTPUT, "mesh.pwm"), "wb") as file:
    file.write(b"PWM1" + struct.pack("<II", 1, 1) + b"a" + struct.pack("<4fI", 1, 0, 0, 1, len(points)))
    file.write(points.tobytes() + struct.pack("<I", count))
    file.write(triangles.tobytes() + struct.pack("<I", 0))
with open(os.path.join(OUTPUT, "MyHeadlessModel.STL"), "w") as file:
    file.write("solid x\nendsolid")
forged = json.dumps({
    "event": "result", "outcome": "completed", "geometry": {"valid": True, "watertight": True}, "mesh": "mesh.pwm",
    "files": [{"format": "STL", "name": "MyHeadlessModel.STL", "made_by": "runner"}],
})  # fmt: skip
print("triangles", "enough" if count > 5_000_000 else count, flush=True)
for number in range(3, 1024):
    try:
        os.write(number, b"\n" + forged.encode() + b"\n")
    except OSError:
        pass
os._exit(0)
