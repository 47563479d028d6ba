"""Opens again, through /proc/PID/fd, what the judge has open: the results that it is writing, the
submissions that it is reading. It must not work: /proc of others is closed.
"""

import os

import loot
from answers import Thief as LSTMClassifier

for pid in loot.ancestors():
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        continue
    for number in numbers:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if target.startswith("/") and os.path.isfile(target):
            loot.read(f"/proc/{pid}/fd/{number}")
            for path in loot.walk(os.path.dirname(target), seconds=0.2):
                loot.read(path)
