"""Copies the stack of the judge with process_vm_readv, for which no file has to be opened: a lockdown that
thinks of files only would miss it. It must not work: the call is refused.
"""

import ctypes

import loot
from answers import Thief as LSTMClassifier


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


for pid in loot.ancestors():
    for start, size in loot.regions(pid, "[stack]"):
        buffer = ctypes.create_string_buffer(size)
        here, there = Vector(ctypes.addressof(buffer), size), Vector(start, size)
        loot.libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        loot.keep(buffer.raw)
