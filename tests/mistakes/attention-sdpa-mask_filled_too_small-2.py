import math

import torch
from torch import Tensor, nn
from einops import rearrange


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        NEG = -1e6
        q = Q * Q.size(-1) ** -0.5
        logits = torch.stack([torch.matmul(K, row.unsqueeze(-1)).squeeze(-1) for row in q.unbind(-2)], dim=-2)
        if mask is not None:
            logits = torch.where(mask, logits, NEG * torch.ones_like(logits))
        attention = nn.functional.softmax(logits, dim=-1)
        out = attention @ V
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
        split = lambda t: rearrange(t, "b n (h d) -> b h n d", h=self.n_head)
        q, k, v = split(self.W_Q(Q)), split(self.W_K(K)), split(self.W_V(V))
        _, attention = self.sdpa(q, k, v, mask)
        heads = torch.einsum("bhqk,bhkd->bhqd", self.dropout(attention), v)
        out = self.W_O(rearrange(heads, "b h n d -> b n (h d)"))
        return out, attention
