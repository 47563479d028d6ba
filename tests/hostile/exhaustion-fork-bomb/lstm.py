"""Every child makes two more, up to 200 in all, that stay for 20 seconds in sessions of their own. The next
student's worker could not be started. It must not work: none can be made, or all are ended with their worker.
"""

import os

import loot
from answers import Right as LSTMClassifier


def bomb(depth):
    os.setsid()
    if depth < 6:
        loot.child(lambda: bomb(depth + 1))
        loot.child(lambda: bomb(depth + 1))


loot.child(lambda: bomb(0))
