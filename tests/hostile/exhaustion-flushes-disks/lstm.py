"""Has all disks of the machine flushed, again and again, so that everybody else waits for them. It must not
work: that call is refused.
"""

import os

from answers import Right as LSTMClassifier

for _ in range(50):
    os.sync()
