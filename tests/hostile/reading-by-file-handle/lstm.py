"""Opens the root of the file system by its inode number (open_by_handle_at, known from an escape out of
Docker), which neither a mount namespace nor a chroot stops while the capability is there. It must not
work: the capability is gone, and the call is refused.
"""

import ctypes
import os

import loot
from answers import Thief as LSTMClassifier


class Handle(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_uint * 2)]


for place in (".", "/etc", "/tmp"):
    handle = Handle(8, 1, (ctypes.c_uint * 2)(2, 0))
    try:
        mount = os.open(place, os.O_RDONLY)
    except OSError:
        continue
    root = loot.libc.open_by_handle_at(mount, ctypes.byref(handle), os.O_RDONLY)
    if root >= 0:
        path = f"{loot.PRECIOUS}/token.txt".lstrip("/")
        loot.attempt(lambda root=root: loot.keep(os.read(os.open(path, 0, dir_fd=root), 999)))
