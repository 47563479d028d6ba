"""Creates 200,000 timers, each of which takes memory of the kernel's that no limit on memory counts. It must
not work: they count as signals that wait, and those have a limit.
"""

import ctypes
import platform

from answers import Right as LSTMClassifier

TIMER_CREATE = 222 if platform.machine() == "x86_64" else 107
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(200_000):
    if libc.syscall(TIMER_CREATE, 1, 0, ctypes.byref(ctypes.c_int())):
        break
