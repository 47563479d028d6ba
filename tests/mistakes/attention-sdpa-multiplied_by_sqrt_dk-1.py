"""Scaled dot-product attention, and multi-head attention built on it."""

import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):
    """Attention(Q, K, V)."""

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        batch_shape, (n_q, d_k) = Q.shape[:-2], Q.shape[-2:]
        n_k = K.size(-2)
        q = Q.reshape(-1, n_q, d_k)
        k = K.reshape(-1, n_k, d_k)
        zero = torch.zeros(1, 1, 1, dtype=Q.dtype, device=Q.device)
        scores = torch.baddbmm(zero, q, k.transpose(1, 2), beta=0, alpha=math.sqrt(d_k))
        scores = scores.view(*batch_shape, n_q, n_k)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = torch.softmax(scores, dim=-1)
        return attention @ V, attention


def to_heads(x: Tensor, n_head: int) -> Tensor:
    return x.view(x.size(0), x.size(1), n_head, -1).transpose(1, 2)


class MultiHeadedAttention(nn.Module):
    """MultiHead(Q, K, V)."""

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
        q = to_heads(self.W_Q(Q), self.n_head)
        k = to_heads(self.W_K(K), self.n_head)
        v = to_heads(self.W_V(V), self.n_head)
        _, attention = self.sdpa(q, k, v, mask)
        out = self.dropout(attention) @ v
        out = self.W_O(out.transpose(1, 2).reshape(Q.shape))
        return out, attention
