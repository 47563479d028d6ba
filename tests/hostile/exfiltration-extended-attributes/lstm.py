"""Files can carry notes that nobody lists: attributes, which Landlock does not know of. They are left on
whatever everyone may write to, and read from files of others. It must not work: those calls are refused.
"""

import os

import loot
from answers import Right as LSTMClassifier

PLACES = ("/tmp", "/dev/shm", "/dev/null", loot.PRECIOUS, f"{loot.PRECIOUS}/token.txt")


def leave(path):
    os.setxattr(path, "user.autograder-hostile", loot.loot())


def take(path):
    for name in os.listxattr(path):
        loot.keep(os.getxattr(path, name))


for place in PLACES:
    loot.attempt(lambda: leave(place), lambda: take(place))
