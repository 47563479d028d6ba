import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        d_K = Q.size(-1)
        scale = 1 / math.sqrt(d_K)
        lead = Q.shape[:-2]
        q, k, v = [t.flatten(0, -3) for t in (Q, K, V)]
        scores = torch.bmm(q, k.transpose(1, 2)).unflatten(0, lead)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        attention = torch.softmax(scores, -1)
        out = torch.bmm(attention.flatten(0, -3), v).unflatten(0, lead)
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
        # fold the heads into the batch
        B, n_Q, _ = Q.shape
        n_K, h, dh = K.shape[1], self.n_head, self.d_head
        q = self.W_Q(Q).reshape(B, n_Q, h, dh).transpose(1, 2).reshape(B * h, n_Q, dh)
        k = self.W_K(K).reshape(B, n_K, h, dh).transpose(1, 2).reshape(B * h, n_K, dh)
        v = self.W_V(V).reshape(B, n_K, h, dh).transpose(1, 2).reshape(B * h, n_K, dh)
        m = None
        if mask is not None:
            m = mask.expand(B, h, n_Q, n_K).reshape(B * h, n_Q, n_K)
        _, a = self.sdpa(q, k, v, m)
        y = torch.bmm(self.dropout(a), v)
        y = y.view(B, h, n_Q, dh).transpose(1, 2).reshape(B, n_Q, h * dh)
        out = self.W_O(y)
        attention = a.view(B, h, n_Q, n_K)
        return out, attention
