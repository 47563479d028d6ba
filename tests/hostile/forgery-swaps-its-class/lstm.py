"""Hands in a wrong answer whose class turns into another one when it is looked at: the metaclass answers
every question of isinstance and every attribute with yes. It must not work: a check calls it, and looks
at what comes back.
"""

from answers import Wrong


class Meta(type):
    def __instancecheck__(cls, other):
        return True

    def __subclasscheck__(cls, other):
        return True

    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return 0


class LSTMClassifier(Wrong, metaclass=Meta):
    __name__ = __qualname__ = "Reference"

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0
