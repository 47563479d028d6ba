"""Leaves a process behind that is in a session of its own, has another parent and no open file, waits until
the marks are made, and only then connects and writes. It must not work: it is ended with its worker.
"""

import os
import socket
import time

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def daemon():
    os.setsid()
    loot.child(later)
    os._exit(0)


def later():
    os.closerange(0, 256)
    time.sleep(5)
    loot.attempt(
        lambda: open("/tmp/autograder-hostile-daemon", "wb").write(loot.loot()),
        lambda: socket.create_connection(("127.0.0.1", loot.port())).sendall(loot.loot()),
    )


pid = loot.child(daemon)
if pid:
    os.waitpid(pid, 0)
