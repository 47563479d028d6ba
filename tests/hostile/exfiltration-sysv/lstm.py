"""Leaves a System V segment, a queue with a message and a semaphore behind, which live until the machine is
restarted, and attaches to those that others left. It must not work: there is a namespace for these, or
the calls are refused.
"""

import ctypes

import loot
from answers import Right as LSTMClassifier

loot.look_around()
libc, create = loot.libc, 0o1666
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(loot.SHARED_KEY, 4096, create)
if segment >= 0:
    address = libc.shmat(segment, None, 0)
    if address not in (None, ctypes.c_void_p(-1).value):
        loot.keep(ctypes.string_at(address, 4096))
        ctypes.memmove(address, loot.loot()[:4000], min(4000, len(loot.loot())))
libc.semget(loot.SHARED_KEY, 1, create)
queue = libc.msgget(loot.SHARED_KEY, create)
if queue >= 0:
    libc.msgsnd(queue, (1).to_bytes(8, "little") + loot.loot()[:99], min(99, len(loot.loot())), 0o4000)
