"""Returns an object that equals everything, is smaller and larger than everything, and is true. It must not
work: it is described, not asked.
"""

from answers import Wrong


class Everything:
    def _yes(self, *others):
        return True

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __ne__ = __bool__ = __contains__ = _yes
    __sub__ = __rsub__ = __abs__ = __float__ = lambda self, *others: 0.0
    __hash__ = __len__ = __int__ = __index__ = lambda self: 0


class LSTMClassifier(Wrong):
    def forward(self, x):
        return Everything()
