"""Shares the work: three children each take 1.2 GB, just below what one process may have. It must not work:
there are no children, or they are ended with their worker.
"""

import loot
from answers import Right as LSTMClassifier

kept = []
for _ in range(3):
    loot.child(lambda: kept.append(bytearray(b"x") * (1200 << 20)), seconds=6)
