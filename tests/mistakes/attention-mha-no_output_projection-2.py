import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        scores = torch.einsum("...qd,...kd->...qk", Q, K) * Q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        attention = scores.softmax(-1)
        out = torch.einsum("...qk,...kv->...qv", attention, V)
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
        per_head = zip(
            self.W_Q(Q).chunk(self.n_head, -1),
            self.W_K(K).chunk(self.n_head, -1),
            self.W_V(V).chunk(self.n_head, -1),
        )
        outs, attns = [], []
        for q, k, v in per_head:
            m = mask.squeeze(1) if mask is not None and mask.ndim == 4 else mask
            a = self.sdpa(q, k, v, m)[1]
            outs.append(torch.bmm(self.dropout(a), v))
            attns.append(a)
        out = torch.cat(outs, dim=-1)
        attention = torch.stack(attns, dim=1)
        return out, attention
