"""Has a thread that makes files and folders for as long as it lives, also while its folder is removed: who
finds a folder full again that was empty a moment ago may give up. It must not work: once it is dead, what is
left is removed as well.
"""

import os
import threading

from answers import Right as LSTMClassifier


def write():
    for number in range(100_000):
        try:
            os.mkdir(f"{number % 3}")
        except OSError:
            pass
        try:
            with open(f"{number % 3}/{number}", "w"):
                pass
        except OSError:
            pass


for _ in range(4):
    threading.Thread(target=write, daemon=True).start()
