"""Sends itself SIGKILL, in the middle of every check, as the kernel does when memory is short: a grader may
take that for its own fault and repeat it for ever. It must not work: a check is asked once.
"""

import os
import signal

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        os.kill(os.getpid(), signal.SIGKILL)
