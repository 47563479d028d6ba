"""Cuts files of others to nothing by their names, which older versions of Landlock do not stop, and opens
them to be cut. It must not work: they belong to somebody else, or the call is refused.
"""

import os

import loot
from answers import Right as LSTMClassifier

for path in (f"{loot.PRECIOUS}/token.txt", loot.__file__, os.__file__):
    if path != loot.__file__:
        loot.attempt(
            lambda: os.truncate(path, 0),
            lambda: os.close(os.open(path, os.O_RDONLY | os.O_TRUNC)),
            lambda: os.close(os.open(path, os.O_WRONLY | os.O_TRUNC)),
        )
