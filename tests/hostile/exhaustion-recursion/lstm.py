"""Calls itself without end, at import in Python and in forward() through torch, with a limit of a million. It
must not work: it is an error, or a crash, of its own process.
"""

import sys

from answers import Right

sys.setrecursionlimit(10**6)


class LSTMClassifier(Right):
    def forward(self, x):
        sys.setrecursionlimit(10**6)
        return self(x)
