"""Kills the process that grades, so that no results are written for anybody. It must not work: a worker may
send signals to nobody else.
"""

import os
import signal

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.ancestors()[1:]:
    loot.attempt(lambda: os.kill(pid, signal.SIGKILL))
