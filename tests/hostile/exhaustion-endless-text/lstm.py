"""Raises an error whose message never ends, returns an object whose representation never ends, and names a
class with a million letters. It must not work: the check is lost, by its deadline or with a cut text.
"""

from answers import Right


class Endless(Exception):
    def __str__(self):
        while True:
            pass

    __repr__ = __str__


class LSTMClassifier(Right):
    def forward(self, x):
        if x.size(0) == 2:
            return type("A" * 1_000_000, (), {"__repr__": Endless.__repr__})()
        raise Endless if x.size(0) == 5 else type("B" * 1_000_000, (Exception,), {})("C" * 1_000_000)
