"""Answers every question with 60 MB of tensors, as lists of them, each just below the limit. A judge that
keeps all answers of all checks runs out of memory before the worker does. It must not work: what is far
larger than any right answer need not be kept.
"""

import torch
from torch import nn


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        large = torch.zeros(15 << 18, dtype=Q.dtype)
        return [large[: large.numel() // 2]] * 2, [large[: large.numel() // 2]] * 1


class MultiHeadedAttention(ScaledDotProductAttention):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super().__init__()
        self.W_V = self.W_O = nn.Linear(d_feat, d_feat, bias=bias)
