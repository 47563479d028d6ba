"""Overflows the stack of C, which no recursion limit of Python guards: a callback from C that calls C again,
with the limit raised. It must not work: it is a crash of its own process.
"""

import ctypes
import sys

from answers import Right

CALLBACK = ctypes.PYFUNCTYPE(ctypes.c_int)


class LSTMClassifier(Right):
    def forward(self, x):
        sys.setrecursionlimit(10**9)
        again = CALLBACK(lambda: again())
        return again()
