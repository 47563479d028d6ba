"""Writes one file of 300 MB, and makes one that claims to have a terabyte. It must not work: a file has a
size limit, and at it the process ends or the write fails.
"""

from answers import Right as LSTMClassifier

with open("filler", "wb", 0) as file:
    for _ in range(300):
        file.write(b"x" * (1 << 20))
with open("hole", "wb") as file:
    file.truncate(1 << 40)
