"""Copies the descriptors of the warm process into its own (pidfd_getfd) and speaks on them: asks for workers,
reports the deaths of others, swallows what was meant for it. It must not work: the call is refused.
"""

import os
import socket

import loot
from answers import Wrong as LSTMClassifier

PIDFD_GETFD = 438
for pid in loot.ancestors():
    try:
        handle = os.pidfd_open(pid)
    except OSError as error:
        print(error)
        continue
    for number in range(3, 64):
        stolen = loot.libc.syscall(PIDFD_GETFD, handle, number, 0)
        if stolen >= 0:
            with socket.socket(fileno=stolen) as one:
                loot.attempt(lambda: one.setblocking(False), lambda: one.send(b"-9"))
