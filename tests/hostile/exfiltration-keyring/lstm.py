"""Stores what it found as a key in the kernel's keyring of the user, which no folder shows and which outlives
the process (here by 20 seconds). It must not work: the calls are refused.
"""

import ctypes
import platform

import loot
from answers import Right as LSTMClassifier

loot.look_around()
USER_KEYRING, SET_TIMEOUT = -4, 15
if platform.machine() == "x86_64":
    data = loot.loot()
    key = loot.libc.syscall(248, b"user", b"autograder-hostile", data, len(data), USER_KEYRING)
    if key > 0:
        loot.libc.syscall(250, SET_TIMEOUT, key, 20)
