"""Goes to the files of others by the back doors of /proc: the root and the current folder of the judge, its
own root, a folder's descriptor. A lockdown that compares paths would miss them. It must not work: what
counts is the file, not the way.
"""

import os

import loot
from answers import Thief as LSTMClassifier

doors = [f"/proc/{pid}/{name}" for pid in [*loot.ancestors(), 1, "self"] for name in ("root", "cwd")]
for door in [*doors, "/proc/self/root/proc/1/root", "/proc/self/cwd/../../../.."]:
    loot.read(f"{door}{loot.PRECIOUS}/token.txt")
    for path in loot.walk(f"{door}/course/solutions", f"{door}/solutions", seconds=0.1):
        loot.read(path)
loot.attempt(lambda: loot.keep(os.read(os.open("token.txt", 0, dir_fd=os.open(loot.PRECIOUS, 0)), 999)))
