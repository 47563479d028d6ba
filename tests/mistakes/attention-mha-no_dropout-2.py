import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scale = 1.0 / math.sqrt(K.size(-1))
        logits = (Q * scale) @ K.mT
        if mask is not None:
            low = torch.full_like(logits, -1e9)
            logits = torch.where(mask, logits, low)
        attention = nn.Softmax(dim=-1)(logits)
        out = attention @ V
        return out, attention


class MultiHeadedAttention(nn.Module):

    def __init__(
        self, d_feat: int = 128, n_head: int = 8, dropout_p: float = 0.1, bias: bool = True
    ) -> None:
        super(MultiHeadedAttention, self).__init__()
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
        B, n_Q = Q.shape[:2]
        q = self.W_Q(Q).reshape(B, n_Q, self.n_head, self.d_head)
        k = self.W_K(K).reshape(B, K.size(1), self.n_head, self.d_head)
        v = self.W_V(V).reshape(B, V.size(1), self.n_head, self.d_head)
        score = torch.einsum("bqhd,bkhd->bhqk", q, k) / self.d_head ** 0.5
        if mask is not None:
            score = score.masked_fill(mask == 0, float("-inf"))
        attention = torch.softmax(score, dim=-1)
        out = torch.einsum("bhqk,bkhd->bqhd", attention, v).reshape(B, n_Q, self.d_feat)
        out = self.W_O(out)
        return out, attention
