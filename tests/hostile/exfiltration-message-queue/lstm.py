"""Leaves a POSIX message queue behind with what it found in it. It must not work: it belongs to a namespace
that ends with the worker, or is refused.
"""

import ctypes
import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()
flags = os.O_CREAT | os.O_RDWR | os.O_NONBLOCK
queue = loot.libc.mq_open(b"/autograder-hostile", flags, 0o666, None)
if queue >= 0:
    data = loot.loot()[:200]
    loot.libc.mq_send(queue, data, ctypes.c_size_t(len(data)), 1)
