"""Connects to a socket in the file system, as of a Docker daemon or a desktop's bus: whoever listens there
acts with other rights. It must not work: no socket can be made, and the path cannot be reached.
"""

import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def send():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.5)
    one.connect(f"{loot.PRECIOUS}/socket")
    one.sendall(loot.loot())


loot.attempt(send)
