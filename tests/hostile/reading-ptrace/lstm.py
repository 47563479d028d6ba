"""Attaches to the judge as a debugger, reads its stack word by word, and lets go. It must not work: ptrace
is refused.
"""

import ctypes
import os

import loot
from answers import Thief as LSTMClassifier

SEIZE, INTERRUPT, DETACH, PEEK, WALL = 0x4206, 0x4207, 17, 2, 0x40000000
ptrace = loot.libc.ptrace
ptrace.restype, ptrace.argtypes = ctypes.c_long, [ctypes.c_long, ctypes.c_long] + [ctypes.c_void_p] * 2
for pid in loot.ancestors()[1:]:
    if ptrace(SEIZE, pid, None, None) == 0:
        ptrace(INTERRUPT, pid, None, None)
        try:
            os.waitpid(pid, WALL)
            for start, size in loot.regions(pid, "[stack]"):
                top = range(start + size - 16384, start + size - 8, 8)
                words = (ptrace(PEEK, pid, at, None) & (2**64 - 1) for at in top)
                loot.keep(b"".join(word.to_bytes(8, "little") for word in words))
        finally:
            ptrace(DETACH, pid, None, None)
