"""Becomes root again, or the user who owns a file, by every call that changes the user, and by giving its
own files away. It must not work: there is no privilege left to come back with.
"""

import os

import loot
from answers import Thief as LSTMClassifier

loot.attempt(
    lambda: os.setresuid(0, 0, 0),
    lambda: os.setresgid(0, 0, 0),
    lambda: os.setgroups([0, 6, 42]),
    lambda: os.seteuid(0),
    lambda: os.chown(os.getcwd(), 0, 0),
)
loot.look_around()
loot.read("/etc/shadow")
