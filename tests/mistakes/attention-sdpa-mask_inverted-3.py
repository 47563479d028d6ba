import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        score = Q @ K.mT
        score = score / Q.size(-1) ** 0.5
        if mask is not None:
            score = score + mask * -1e9
        attention = score.softmax(-1)
        out = attention @ V
        return out, attention


class MultiHeadedAttention(nn.Module):

    def __init__(
        self, d_feat=128, n_head=8, dropout_p=0.1, bias=True
    ):
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
        self, Q, K, V, mask=None
    ):
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
