"""Ignores every signal that can be ignored, blocks the rest, and has an alarm interrupt whatever runs a
hundred times a second. A grader that asks politely never gets rid of it. It must not work: it is ended
by SIGKILL, and an alarm costs the marks of this one only.
"""

import signal

from answers import Right as LSTMClassifier


def noise(*event):
    raise KeyboardInterrupt("now")


for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
signal.signal(signal.SIGALRM, noise)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.01)
