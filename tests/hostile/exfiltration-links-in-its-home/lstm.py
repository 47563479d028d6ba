"""Makes links in its home that lead out of it, and writes through them, in case only paths are looked at. It
must not work: the file at the end of a link is what counts.
"""

import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()
for number, target in enumerate(("/tmp/autograder-hostile-through", "/dev/shm/autograder-hostile-through")):
    loot.attempt(
        lambda n=number, t=target: os.symlink(t, f"out{n}"),
        lambda n=number: open(f"out{n}", "wb").write(loot.loot()),
    )
