"""Takes back that it dies with its parent, and waits: when the grader is killed, it stays, with what it knows.
It must not work: that call is refused, and who lets go of a worker kills it.
"""

import ctypes
import time

import loot
from answers import Wrong

PR_SET_PDEATHSIG = 1
loot.attempt(lambda: print(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)))


class LSTMClassifier(Wrong):
    def forward(self, x):
        time.sleep(8)
        return super().forward(x)
