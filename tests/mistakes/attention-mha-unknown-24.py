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
        # TODO sdpa: Scaled dot-product attention.
        #   scores (…, n_Q, n_K): similarity of each query to each key, divided by √d_K,
        #     where d_K is the length of one query (the last axis of Q)
        #   attention (…, n_Q, n_K): weights that sum to 1 over the keys of each query;
        #     hidden keys get weight 0, and the others still sum to 1
        #   out (…, n_Q, d_V): for each query the weighted sum of the values
        # Scores can be in the thousands: let torch compute the softmax.
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = torch.softmax(scores, dim=-1)
        out = attention @ V
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
        # TODO mha: Multi-head attention, on top of your self.sdpa.
        #   1. project Q, K and V with W_Q, W_K and W_V
        #   2. split the features into heads: (batch, n, d_feat) -> (batch, head, n, d_head),
        #      where head i owns features i·d_head … (i+1)·d_head - 1 of every token
        #   3. self.sdpa on the heads; it divides by √d_head, as a query has d_head features now.
        #      The attention that it gives, (batch, head, n_Q, n_K), is the one to return.
        #   4. self.dropout on the attention weights (after the softmax), and these
        #      dropped-out weights gather the values of each head
        #   5. put the heads side by side again: (batch, n_Q, d_feat), and project with W_O
        q, k, v = (p.unflatten(-1, (self.n_head, self.d_head)).transpose(1, 2) for p in (self.W_Q(Q), self.W_K(self.W_Q(K)), self.W_V(V)))
        _, attention = self.sdpa(q, k, v, mask)
        heads = self.dropout(attention) @ v
        out = self.W_O(heads.transpose(1, 2).flatten(-2))
        return out, attention
