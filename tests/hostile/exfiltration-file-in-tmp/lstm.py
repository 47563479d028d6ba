"""Writes what it found to /tmp, /var/tmp and the folders above its own, where a friend's submission, graded a
minute later, picks it up. It must not work: nothing but its home can be written.
"""

import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()
home = os.getcwd()
for folder in ("/tmp", "/var/tmp", "/run", os.path.expanduser("~"), os.path.dirname(home)):
    path = os.path.join(folder, "autograder-hostile-note")
    loot.attempt(lambda path=path: open(path, "wb").write(loot.loot()))
