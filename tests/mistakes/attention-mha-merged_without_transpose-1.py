import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        # query 하나씩 계산
        rows = []
        for i in range(Q.shape[-2]):
            q = Q[..., i : i + 1, :]
            rows.append((q * K).sum(dim=-1) / math.sqrt(Q.shape[-1]))
        scores = torch.stack(rows, dim=-2)
        if mask is not None:
            scores = scores.masked_fill(mask == False, float("-inf"))
        attention = torch.softmax(scores, -1)
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
        q = torch.stack(self.W_Q(Q).split(self.d_head, dim=2), dim=1)
        k = torch.stack(self.W_K(K).split(self.d_head, dim=2), dim=1)
        v = torch.stack(self.W_V(V).split(self.d_head, dim=2), dim=1)
        _, attention = self.sdpa(q, k, v, mask)
        x = torch.matmul(self.dropout(attention), v)
        # 헤드 합치기
        x = x.contiguous().view(Q.size(0), -1, self.d_feat)
        out = self.W_O(x)
        return out, attention
