"""Reads from address 0 in forward(): a segmentation fault. A grader of one process would be gone. It must not
work: the worker dies alone, and the other checks go on in a fresh one.
"""

import ctypes

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        ctypes.string_at(0)
