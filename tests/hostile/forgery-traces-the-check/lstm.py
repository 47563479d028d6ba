"""Sets a trace function that waits for the check to return, and then changes the dictionary that it
returns. It must not work: all that it can put in are numbers, and it does not know which.
"""

import sys

import torch
from answers import Wrong as LSTMClassifier


def trace(frame, event, argument):
    if event == "return" and isinstance(argument, dict):
        for name, value in argument.items():
            if isinstance(value, torch.Tensor):
                argument[name] = torch.zeros_like(value)
    return trace


sys.settrace(trace)
sys.setprofile(lambda *event: trace(*event) and None)
