"""Writes no byte: makes empty files and folders whose names are the message, and sets a file's time to it. It
must not work: no name can be made outside of its home.
"""

import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()
name = f"/tmp/autograder-hostile-{loot.loot().decode().replace(' ', '-')[:200]}"
loot.attempt(
    lambda: os.mkdir(f"{name}-d"),
    lambda: os.mkfifo(f"{name}-p"),
    lambda: os.symlink(loot.loot(), f"{name}-l"),
    lambda: os.utime("/tmp/autograder-hostile-port", (1, int.from_bytes(loot.loot()[:3], "big"))),
)
