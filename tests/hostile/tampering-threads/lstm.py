"""Starts threads that go on after the import, flip the defaults of torch a thousand times a second and
patch what they find while later checks run. It must not work: they live in this process only, and end
with it.
"""

import threading
import time

import torch
from answers import Wrong as LSTMClassifier


def disturb():
    end = time.monotonic() + 20
    while time.monotonic() < end:
        torch.set_default_dtype(torch.float16)
        torch.manual_seed(0)
        torch.allclose = torch.equal = lambda *a, **k: True
        torch.set_default_dtype(torch.float32)
        time.sleep(0.001)


for _ in range(4):
    threading.Thread(target=disturb, daemon=False).start()
