"""Has SIGKILL sent to the processes that grade: by the kernel, when something arrives at a descriptor of its
own, so that no call is made that sends a signal. It must not work: whom a descriptor tells cannot be set.
"""

import fcntl
import os
import signal
import struct

import loot
from answers import Wrong as LSTMClassifier

F_SETOWN_EX, F_OWNER_PID, FIOSETOWN, SIOCSPGRP = 15, 1, 0x8901, 0x8902

for pid in loot.ancestors():
    reader, writer = os.pipe()
    loot.attempt(
        lambda: fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL),
        lambda: fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC),
        lambda: fcntl.fcntl(reader, fcntl.F_SETOWN, pid),
        lambda: os.write(writer, b"x"),
        lambda: fcntl.fcntl(reader, F_SETOWN_EX, struct.pack("ii", F_OWNER_PID, pid)),
        lambda: os.write(writer, b"x"),
        lambda: fcntl.ioctl(3, FIOSETOWN, struct.pack("i", pid)),  # of sockets, as its channel
        lambda: fcntl.ioctl(3, SIOCSPGRP, struct.pack("i", pid)),
    )
