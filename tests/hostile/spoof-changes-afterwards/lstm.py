"""Keeps the tensor that it returned, and has a thread write other numbers into it while the worker reads it.
It must not work: whatever is read in the end is compared, and it does not know the right numbers.
"""

import threading
import time

from answers import Wrong


def change(answer):
    for _ in range(200):
        answer.data.fill_(time.monotonic())
        time.sleep(0.0005)


class LSTMClassifier(Wrong):
    def forward(self, x):
        answer = super().forward(x)
        threading.Thread(target=change, args=[answer], daemon=True).start()
        return answer
