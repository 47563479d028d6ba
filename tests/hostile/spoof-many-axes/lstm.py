"""Returns tensors with 60 axes, more than NumPy can hold and than anyone can print. It must not work: they are
described by the number of their axes.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        return super().forward(x).view([1] * 58 + [x.size(0), -1])
