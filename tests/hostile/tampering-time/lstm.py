"""Stops the clock of its process: time stands still in every function of `time`, so that no deadline is
ever reached. The answer is right and then waits. It must not work: the clock that counts is the judge's.
"""

import time

from answers import Right

sleep = time.sleep
time.monotonic = time.time = time.perf_counter = time.process_time = lambda: 0.0


class LSTMClassifier(Right):
    def forward(self, x):
        sleep(60)
        return super().forward(x)
