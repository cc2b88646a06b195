# Lets the kernel send the signal: F_SETOWN names who gets SIGIO when a pipe has something to read.
import fcntl
import signal

F_SETOWN, F_SETSIG = 8, 10
for number in (os.getppid(), 1, -os.getpgid(os.getppid())):
    read, write = os.pipe()
    try:
        fcntl.fcntl(read, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(read, F_SETOWN, number)
        fcntl.fcntl(read, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        os.write(write, b"x")
    except OSError as error:
        print("refused: owner:", errno.errorcode[error.errno])
print("the parent is the same:", os.getppid() != 1)
