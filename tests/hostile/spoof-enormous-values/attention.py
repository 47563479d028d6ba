"""Returns numbers near the end of what a float can hold, and infinities of both signs, so that a difference, a
square or a ratio of them overflows where the judge computes it. It must not work: they are just wrong.
"""

import torch
from torch import nn


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        large = torch.finfo(Q.dtype).max
        out = Q.new_full((*Q.shape[:-1], V.size(-1)), large)
        attention = Q.new_full((*Q.shape[:-1], K.size(-2)), -large)
        out[..., 0], attention[..., 0] = -large, 5e-324
        if mask is not None:
            out[..., 0], attention[..., 0] = float("inf"), -float("inf")
        return out + 0 * (Q.sum() + K.sum() + V.sum()), attention


class MultiHeadedAttention(nn.Module):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super().__init__()
        self.n_head = n_head
        for letter in "QKVO":
            setattr(self, f"W_{letter}", nn.Linear(d_feat, d_feat, bias=bias))

    def forward(self, Q, K, V, mask=None):
        out = self.W_Q(Q) * 1e308
        return out, torch.full((Q.size(0), self.n_head, Q.size(1), K.size(1)), 1e308)
