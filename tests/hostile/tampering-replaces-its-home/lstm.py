"""Removes its own folder and puts a link in its place that leads to somebody else's files: when the grader
clears up afterwards, it would delete those, with its own rights. It must not work: links are not followed
when a home is removed.
"""

import os

import loot
from answers import Right as LSTMClassifier

home = os.getcwd()
aside = f"{home}-aside"
loot.attempt(
    lambda: os.rename(home, aside),
    lambda: os.symlink(loot.PRECIOUS, home),
    # If a link is not followed, perhaps one below a folder is.
    lambda: os.symlink("/", os.path.join(aside, "root")),
    lambda: os.symlink(loot.PRECIOUS, os.path.join(aside, "precious")),
)
