"""Maps a page that may be executed, writes bytes that are no instruction into it, and jumps there. It must not
work: the signal ends this process and no other.
"""

import ctypes
import mmap

page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\x0f\x0b" * 16)
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
