"""Writes what it found to every descriptor that it inherited, and sends it with a descriptor attached over
those that are sockets. It must not work: it has inherited nothing but its own channel and output.
"""

import array
import os
import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()
for number in range(4, 4096):
    try:
        os.write(number, loot.loot())
    except OSError:
        continue
    with socket.socket(fileno=os.dup(number)) as one:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))]
        loot.attempt(lambda one=one: one.sendmsg([b"loot"], rights))
