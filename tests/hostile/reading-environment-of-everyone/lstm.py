"""Reads the environment, the arguments and the open files' names of every process on the machine. It must
not work: no other process can be read, and with a namespace of its own none is seen.
"""

import os

import loot
from answers import Thief as LSTMClassifier

for pid in [*loot.processes(), os.getpid()]:
    for name in ("environ", "cmdline", "task/%d/environ" % pid):
        loot.read(f"/proc/{pid}/{name}")
