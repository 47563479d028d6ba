"""Returns a generator that never ends, and a list that contains itself. Whoever makes a list of it never comes
back. It must not work: neither is looked into further than three levels.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        itself = [None]
        itself[0] = itself
        return itself * 60 if x.size(0) == 2 else iter(int, 1)
