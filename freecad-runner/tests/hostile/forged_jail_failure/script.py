# Claims that the jail failed, which would be the runner's fault and make it run the script again and again.
lines = b'{"event":"jail_failed","step":"setuid","reason":"no"}\n{"event":"phase","phase":null}\n{"exited":1,"status":0}\n'
for number in range(3, 1024):
    try:
        os.write(number, lines)
    except OSError:
        pass
os._exit(71)
