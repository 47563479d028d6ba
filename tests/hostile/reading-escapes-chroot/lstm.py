"""The classic way out of a changed root: a second chroot below an open folder, and then up and up. It must
not work: chroot needs a right that is gone, and the way up ends at the same files.
"""

import os

import loot
from answers import Thief as LSTMClassifier


def escape():
    os.mkdir("jail")
    outside = os.open(".", os.O_RDONLY)
    os.chroot("jail")
    os.fchdir(outside)
    for _ in range(64):
        os.chdir("..")
    os.chroot(".")


loot.attempt(escape, lambda: os.chdir("/"))
loot.read(f"{loot.PRECIOUS}/token.txt")
