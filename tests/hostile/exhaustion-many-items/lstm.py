"""Returns a list of 200,000 small tensors, and then lists in lists in lists with 64 items each: 262,144 tensors
that the worker would pack and the judge unpack. It must not work: long lists are only described, and a reply
has room for a thousand tensors.
"""

import torch
from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        if x.size(0) == 2:
            return [torch.zeros(1)] * 200_000
        return [[[torch.zeros(1)] * 64] * 64] * 64
