"""Opens files until it may open no more, and keeps them all open; the worker's own code then cannot open any.
It must not work: the limit is its own process's, and the answer, which is right, needs no file.
"""

import os

from answers import Right as LSTMClassifier

kept = []
try:
    while len(kept) < 100_000:
        kept.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error)
