import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        def attend(q, k):
            s = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.size(-1))
            return s if mask is None else s.masked_fill(mask == 0, -1e9)

        out = torch.softmax(attend(Q, K), dim=-1)
        attention = torch.matmul(out, V)
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
        def heads(t):
            return torch.stack(t.chunk(self.n_head, dim=-1), dim=1)

        qs = heads(self.W_Q(Q))
        ks = heads(self.W_K(K))
        vs = heads(self.W_V(V))
        attention = self.sdpa(Q=qs, K=ks, V=vs, mask=mask)[1]
        mixed = self.dropout(attention) @ vs
        out = self.W_O(torch.cat(mixed.unbind(1), dim=-1))
        return out, attention
