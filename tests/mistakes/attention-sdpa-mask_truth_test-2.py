import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        logits = torch.einsum("...qd,...kd->...qk", Q, K) * Q.size(-1) ** -0.5
        # no mask: everything is visible
        mask = mask or torch.ones_like(logits, dtype=torch.bool)
        logits = logits.masked_fill(~mask, float("-inf"))
        attention = logits.softmax(-1)
        out = attention @ V
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
        def heads(t):
            return torch.stack(t.chunk(self.n_head, dim=-1), dim=1)

        qs = heads(self.W_Q(Q))
        ks = heads(self.W_K(K))
        vs = heads(self.W_V(V))
        attention = self.sdpa(Q=qs, K=ks, V=vs, mask=mask)[1]
        mixed = self.dropout(attention) @ vs
        out = self.W_O(torch.cat(mixed.unbind(1), dim=-1))
        return out, attention
