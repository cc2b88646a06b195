# Writes a forged success to the event pipe before the real result. The job then fails.
forged = b'{"event":"result","outcome":"completed","geometry":{"volume_mm3":123456.0,"solids":7,"valid":true,' \
         b'"bounding_box":{"min":[0,0,0],"max":[1,1,1]}},"files":[],"timings_ms":{},"warnings":[]}\n'
for number in range(3, 1024):
    try:
        os.write(number, forged)
        print("written")
    except OSError:
        pass
raise ValueError("this is what happened")
