"""Stops the process that it was forked from, which then forks nobody, and does not die either: every later
submission runs into its deadline. It must not work: a worker may send signals to nobody else.
"""

import os
import signal

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.ancestors()[:1]:
    loot.attempt(lambda: os.kill(pid, signal.SIGSTOP))
