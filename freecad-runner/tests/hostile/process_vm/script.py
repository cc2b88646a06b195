# Reads and writes the parent's memory by the calls made for it.
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


buffer = ctypes.create_string_buffer(64)
here = Vector(ctypes.addressof(buffer), 64)
for number in (os.getppid(), 1, os.getpid()):
    attempt("read", syscall, 310, number, ctypes.byref(here), 1, ctypes.byref(here), 1, 0)
    attempt("write", syscall, 311, number, ctypes.byref(here), 1, ctypes.byref(here), 1, 0)
    attempt("compare", syscall, 312, number, os.getpid(), 0, 0, 0)
