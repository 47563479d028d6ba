"""Starts 2,000 threads that wait. It must not work: the limit is the worker's own, and the answer, which is
right, may well be judged while they wait.
"""

import threading
import time

from answers import Right as LSTMClassifier

threading.stack_size(64 << 10)
for _ in range(2000):
    try:
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    except RuntimeError as error:
        print(error)
        break
