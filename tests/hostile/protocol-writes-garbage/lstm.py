"""Writes random bytes to the judge's channel, at import and again in every check. A parser that trusts them
crashes. It must not work: what is no frame is refused in a sentence.
"""

import os

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        os.write(3, os.urandom(4096))
        return super().forward(x)
