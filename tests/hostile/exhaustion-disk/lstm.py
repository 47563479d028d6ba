"""Fills the disk with six files of 50 MB in its home: on a full disk no result can be written. It must not
work: a home has a size, and it is removed.
"""

import os

from answers import Right as LSTMClassifier

for number in range(6):
    with open(f"filler{number}", "wb") as file:
        for _ in range(50):
            file.write(os.urandom(1 << 10) * 1024)
