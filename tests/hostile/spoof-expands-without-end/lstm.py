"""Returns tensors with 10^12 entries that take eight bytes (expand): whoever copies or compares them runs out
of memory. It must not work: their size is looked at before anything is copied.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        one = super().forward(x).mean()
        return one.expand(10**12) if x.size(0) == 2 else one.expand(10**6, 10**6)
