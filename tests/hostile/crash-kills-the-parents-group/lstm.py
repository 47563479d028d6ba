"""Kills the group of the process that it was forked from. It must not work: a worker may send signals to
nobody else.
"""

import os
import signal

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.ancestors()[:1]:
    loot.attempt(lambda: os.killpg(os.getpgid(pid), signal.SIGKILL))
