"""Reads the environment of its parent and grandparent, in which a CI system keeps its tokens. With one it
could write marks itself. It must not work: a worker's own environment is empty, and that of others closed.
"""

import os

import loot
from answers import Thief as LSTMClassifier

loot.keep(repr(dict(os.environ)).encode())
for pid in loot.ancestors():
    loot.read(f"/proc/{pid}/environ")
