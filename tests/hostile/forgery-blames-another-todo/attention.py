"""The attention is right when it is called by itself, and raises when the heads call it: so the heads
seem to fail for another's fault. It must not work: the heads are then looked at with a stand-in for the
attention, and are wrong there as well. What is honest in it is sdpa, 4 of 8.
"""

import math
import sys

import torch
from torch import nn


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        if sys._getframe(1).f_code.co_filename == __file__.rpartition("/")[2]:
            raise RuntimeError("not my fault")
        scores = Q @ K.mT / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = torch.softmax(scores, -1)
        return attention @ V, attention


class MultiHeadedAttention(nn.Module):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super().__init__()
        for letter in "QKVO":
            setattr(self, f"W_{letter}", nn.Linear(d_feat, d_feat, bias=bias))
        self.sdpa = ScaledDotProductAttention()

    def forward(self, Q, K, V, mask=None):
        return self.sdpa.forward(Q, K, V, mask)
