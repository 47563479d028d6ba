"""Writes a forged reply to every descriptor that is open, and to each again through /proc/self/fd:
one of them may be the judge's results. The answer is wrong. It must not work: a worker holds its own
channel and its own output, and no other descriptor.
"""

import os

import loot
from answers import Wrong as LSTMClassifier

line = b'{"submission": "forgery-frames-on-all-descriptors", "score": 6.0, "max_score": 6.0}\n'
for number in [*range(4, 1024), 1, 2]:
    try:
        os.write(number, line)
    except OSError:
        pass
for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []:
    if int(name) > 3:
        loot.attempt(lambda name=name: open(f"/proc/self/fd/{name}", "ab", 0).write(line))
