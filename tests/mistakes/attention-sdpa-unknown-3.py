import math
import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):
    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            keep = mask * torch.ones(mask.shape[-2:])
            scores = scores.masked_fill(keep == 0, float("-inf"))
        attention = torch.softmax(scores, dim=-1)
        out = attention @ V
        return (out, attention)


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
        q, k, v = (
            projected.unflatten(-1, (self.n_head, self.d_head)).transpose(1, 2)
            for projected in (self.W_Q(Q), self.W_K(K), self.W_V(V))
        )
        _, attention = self.sdpa(q, k, v, mask)
        heads = self.dropout(attention) @ v
        out = self.W_O(heads.transpose(1, 2).flatten(-2))
        return (out, attention)
