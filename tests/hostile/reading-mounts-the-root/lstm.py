"""Makes a mount namespace of its own, binds the root of the file system into its home and mounts a /proc of
its own, to read what was hidden under other mounts. It must not work: neither unshare nor mount is allowed.
"""

import os

import loot
from answers import Thief as LSTMClassifier

NEW_NAMESPACE, NEW_USER, BIND, PRIVATE = 0x00020000, 0x10000000, 4096, 16384 | (1 << 18)
libc = loot.libc
if libc.unshare(NEW_NAMESPACE) == 0 or libc.unshare(NEW_NAMESPACE | NEW_USER) == 0:
    if libc.mount(b"none", b"/", None, PRIVATE, None) == 0:
        os.mkdir("root")
        libc.mount(b"/", b"root", None, BIND, None)
        loot.read(f"root{loot.PRECIOUS}/token.txt")
        os.mkdir("proc")
        libc.mount(b"proc", b"proc", b"proc", 0, None)
        for pid in loot.ancestors():
            loot.read(f"proc/{pid}/environ")
