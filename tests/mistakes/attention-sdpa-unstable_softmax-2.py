import math

import numpy as np
import torch
from torch import Tensor, nn


def softmax(z):
    """직접 만든 softmax"""
    numerator = np.e ** z
    return numerator / numerator.sum(-1).unsqueeze(-1)


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scores = Q.matmul(K.transpose(-1, -2)) / Q.size(-1) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask == False, -1e9)
        attention = softmax(scores)
        out = attention.matmul(V)
        return out, attention


class MultiHeadedAttention(nn.Module):

    def __init__(
        self, d_feat: int = 128, n_head: int = 8, dropout_p: float = 0.1, bias: bool = True
    ) -> None:
        super().__init__()
        self.d_feat = d_feat
        self.n_head = n_head
        self.d_head = d_feat // n_head
        self.W_Q = nn.Linear(d_feat, d_feat, bias=bias)
        self.W_K = nn.Linear(d_feat, d_feat, bias=bias)
        self.W_V = nn.Linear(d_feat, d_feat, bias=bias)
        self.W_O = nn.Linear(d_feat, d_feat, bias=bias)
        self.sdpa = ScaledDotProductAttention()
        self.dropout = nn.Dropout(dropout_p)

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        q, k, v = self.W_Q(Q), self.W_K(K), self.W_V(V)
        m = mask
        if m is not None and m.dim() == 4:
            m = m[:, 0]
        heads, weights = [], []
        for i in range(self.n_head):
            part = slice(i * self.d_head, (i + 1) * self.d_head)
            _, w = self.sdpa(q[..., part], k[..., part], v[..., part], m)
            weights.append(w)
            heads.append(self.dropout(w) @ v[..., part])
        attention = torch.stack(weights, dim=1)
        out = self.W_O(torch.cat(heads, dim=-1))
        return out, attention
