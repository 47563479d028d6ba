import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        d_K = Q.size(-1)
        scores = torch.matmul(Q, K.transpose(-2, -1)) / math.sqrt(d_K)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        attention = torch.softmax(scores, dim=-1)
        out = torch.matmul(attention, V)
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
        q, k, v = (torch.stack(t.chunk(self.n_head, -1), 1) for t in (self.W_Q(Q), self.W_K(K), self.W_V(V)))
        _, attention = self.sdpa(q, k, v, mask)
        # dropout 직접 구현
        p = self.dropout.p
        keep = (torch.rand_like(attention) >= p).to(attention.dtype)
        weights = attention * keep / (1 - p)
        out = self.W_O(torch.cat((weights @ v).unbind(1), -1))
        return out, attention
