import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scores = torch.einsum("...qd,...kd->...qk", Q, V) / math.sqrt(Q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        attention = torch.softmax(scores, dim=-1)
        out = torch.einsum("...qk,...kd->...qd", attention, K)
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
        def project(lin, t):
            t = nn.functional.linear(t, lin.weight, lin.bias)
            return t.reshape(*t.shape[:-1], self.n_head, self.d_head).transpose(-3, -2)

        q = project(self.W_Q, Q)
        k = project(self.W_K, K)
        v = project(self.W_V, V)
        _, attention = self.sdpa(q, k, v, mask)
        p = nn.functional.dropout(attention, p=self.dropout.p, training=self.training)
        out = nn.functional.linear((p @ v).transpose(1, 2).flatten(2), self.W_O.weight, self.W_O.bias)
        return out, attention
