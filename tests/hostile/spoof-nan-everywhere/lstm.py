"""Returns NaN, for which "is the difference larger than the tolerance" is never true. It must not work: it is
asked whether the numbers are finite, before.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        return super().forward(x) * float("nan")
