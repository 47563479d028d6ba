"""Scaled dot-product attention, and multi-head attention built on it."""

import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):
    """Attention(Q, K, V) = softmax(Q Kᵀ / √d_K) V   (Vaswani et al. 2017, eq. 1)."""

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let every query look at every key, and gather the values.

        Args:
            Q: queries (…, n_Q, d_K); "…" are any leading axes: (batch,) or (batch, head).
            K: keys (…, n_K, d_K).
            V: values (…, n_K, d_V). d_V need not equal d_K, n_Q need not equal n_K.
            mask: bool, broadcast to (…, n_Q, n_K). True (1): this query may look at this key.
                False (0): this key is hidden from this query, and gets weight 0.

        Returns:
            out (…, n_Q, d_V) and attention (…, n_Q, n_K), in this order.
        """
        scores = torch.einsum("...qd,...kd->...qk", Q, K) * Q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        attention = scores.softmax(-1)
        out = torch.einsum("...qk,...kv->...qv", attention, V)
        return out, attention


class MultiHeadedAttention(nn.Module):
    """MultiHead(Q, K, V) = Concat(head_1, …, head_h) W_O,
    head_i = Attention(Q W_Q_i, K W_K_i, V W_V_i)   (Vaswani et al. 2017, section 3.2.2).

    Args:
        d_feat: features of a token, before and after. A multiple of n_head.
        n_head: number of heads h. Each works with d_head = d_feat / n_head features.
        dropout_p: share of the attention weights that dropout sets to 0 in training.
        bias: whether the four projections have a bias.
    """

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
        """Attend with n_head heads side by side.

        Args:
            Q: (batch, n_Q, d_feat).
            K: (batch, n_K, d_feat). n_K need not equal n_Q.
            V: (batch, n_K, d_feat).
            mask: bool, (n_Q, n_K) or (batch, 1, n_Q, n_K); True (1): may look. As in
                ScaledDotProductAttention; the same for all heads.

        Returns:
            out (batch, n_Q, d_feat) and attention (batch, head, n_Q, n_K), in this order.
        """
        split = lambda t: t.unflatten(2, (self.n_head, self.d_head)).transpose(1, 2)
        out, attention = self.sdpa(split(self.W_Q(Q)), split(self.W_K(K)), split(self.W_V(V)), mask)
        out = self.W_O(out.transpose(1, 2).flatten(2))
        return out, attention
