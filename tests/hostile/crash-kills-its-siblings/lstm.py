"""Kills every process that has the same parent: the workers of the students who are graded at the same time,
and those that examine the reference. It must not work: a worker may send signals to nobody else.
"""

import os
import signal

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.processes():
    stat = loot.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(stat) > 1 and int(stat[1]) == os.getppid() > 1:
        loot.attempt(lambda pid=pid: os.kill(pid, signal.SIGKILL))
