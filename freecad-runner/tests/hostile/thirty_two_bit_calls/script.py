# Machine code that calls the kernel's 32-bit interface, int 0x80, where number 2 is fork.
import mmap

code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(b"\xb8\x02\x00\x00\x00\xcd\x80\xc3")
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
print("calling", flush=True)
print("LEAK" if ctypes.CFUNCTYPE(ctypes.c_int)(address)() >= 0 else "refused: int 0x80")
