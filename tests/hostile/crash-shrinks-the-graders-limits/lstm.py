"""Sets the limits of the judge and of the warm process: no more open files, no more memory, the lowest
priority. They fail a little later, and nobody knows why. It must not work: it may not touch others.
"""

import os
import resource

import loot
from answers import Wrong as LSTMClassifier

for pid in loot.ancestors():
    loot.attempt(
        lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (5, 5)),
        lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0)),
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
    )
