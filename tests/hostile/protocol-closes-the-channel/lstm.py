"""Closes the judge's channel in a check and goes on without it. It must not work: no answer is no points, and
the next check gets a fresh worker.
"""

import os

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        os.close(3)
        return super().forward(x)
