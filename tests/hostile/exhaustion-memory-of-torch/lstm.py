"""Asks torch for tensors of 6 GB, and for one with 2^60 entries, in the middle of a check. It must not work:
the allocator is refused, and what it raises is the end of this check only.
"""

import torch
from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        large = torch.ones(1 << 29 if x.size(0) == 2 else 1 << 60, dtype=torch.float64)
        return super().forward(x) + large[0] - 1
