"""Leaves a child behind that prints without end, for ten seconds, while the parent answers. It must not work:
output is read up to its limit, and the child ends with its worker.
"""

import os
import time

import loot
from answers import Right as LSTMClassifier


def flood():
    end = time.monotonic() + 10
    while time.monotonic() < end:
        os.write(1, b"flood\n" * 5000)


loot.child(flood, seconds=10)
