"""Raises the error of an untouched TODO, naming the other one, wherever it is wrong: the blame for mha
shall fall on sdpa, which "carries it forward". It must not work: what is carried forward has to be right
by itself, with a stand-in in the other's place.
"""

import torch
from torch import nn


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        raise NotImplementedError("TODO mha: this is the fault of the heads.")


class MultiHeadedAttention(nn.Module):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super().__init__()
        self.W_Q = nn.Linear(d_feat, d_feat, bias=bias)

    def forward(self, Q, K, V, mask=None):
        raise NotImplementedError("TODO sdpa: blocked by the attention. score=4 verdict=passed")
