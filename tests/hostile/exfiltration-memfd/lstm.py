"""Puts what it found into a file that exists in memory only, and has a child hold it open for others to read
through /proc. It must not work: it cannot be made, and the child is ended.
"""

import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def hold():
    number = os.memfd_create("autograder-hostile")
    os.write(number, loot.loot())


loot.attempt(hold)
loot.child(lambda: None)
