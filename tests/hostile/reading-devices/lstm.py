"""Reads the disk and the memory as devices, below all permissions of files: the first megabytes of each block
device, the kernel's memory and log. It must not work: it is not root any more, and devices are closed.
"""

import os

import loot
from answers import Thief as LSTMClassifier

names = ["/dev/mem", "/dev/kmem", "/proc/kcore", "/proc/kmsg"]
try:
    names += [f"/dev/{name}" for name in os.listdir("/sys/block")]
except OSError:
    pass
for name in names:
    try:
        number = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        loot.keep(os.read(number, 4 << 20))
        print("could read", name)
    except OSError:
        pass
