"""Writes over None, over small numbers and over the interpreter's own memory, so that it goes on for a while
in nonsense before it dies. It must not work: nobody else lives in that interpreter.
"""

import ctypes

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        for victim in (0, 1, 2, None, type, True):
            ctypes.memset(id(victim), 0x41, 64)
        return super().forward(x)
