"""Attaches to the warm process as a debugger and stays attached, so that each worker that is forked from it
starts under its control. It must not work: ptrace is refused.
"""

import ctypes

import loot
from answers import Wrong as LSTMClassifier

PTRACE_SEIZE, TRACE_FORK = 0x4206, 2
for pid in loot.ancestors()[:1]:
    if loot.libc.ptrace(PTRACE_SEIZE, pid, None, ctypes.c_void_p(TRACE_FORK)):
        print("refused", ctypes.get_errno())
