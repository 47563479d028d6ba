"""Closes the judge's channel and stays: a judge that sees the end of the channel and then waits for the end of
the process waits as long as this wants. It must not work: that wait is short, and counts.
"""

import os
import time

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        os.close(3)
        time.sleep(60)
