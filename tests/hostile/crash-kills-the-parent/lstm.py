"""Kills the process that it was forked from. All workers would die, and nobody could be graded any more. It
must not work: a worker may send signals to nobody else.
"""

import os
import signal

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.ancestors()[:1]:
    loot.attempt(lambda: os.kill(pid, signal.SIGKILL))
