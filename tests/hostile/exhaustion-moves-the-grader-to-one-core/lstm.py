"""Moves the judge, the warm process and whoever else it finds to one core, where everything takes longer until
deadlines are missed. It must not work: it may choose cores for itself only.
"""

import os

import loot
from answers import Wrong as LSTMClassifier

core = min(os.sched_getaffinity(0))
for pid in [*loot.ancestors(), *loot.processes()]:
    loot.attempt(lambda: os.sched_setaffinity(pid, {core}))
