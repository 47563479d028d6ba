"""Connects to a socket that has a name in no folder, so that no permission of a file applies, and opens one
of its own for a friend. It must not work: no socket can be made.
"""

import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def send():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(0.5)
    one.connect(b"\0autograder-hostile")
    one.sendall(loot.loot())


def listen():
    globals()["kept"] = socket.socket(socket.AF_UNIX)
    kept.bind(b"\0autograder-hostile-friend")
    kept.listen()


loot.attempt(send, listen)
