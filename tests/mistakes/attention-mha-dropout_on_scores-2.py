import math

import torch
from torch import Tensor, nn
import torch.nn.functional as F
from einops import rearrange


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        s = Q @ K.transpose(-1, -2)
        s /= math.sqrt(Q.shape[-1])
        if mask is not None:
            s = s.masked_fill(mask == 0, -math.inf)
        s = torch.exp(s - s.amax(dim=-1, keepdim=True))
        attention = s / s.sum(dim=-1, keepdim=True)
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
        split = lambda t: rearrange(t, "b n (h d) -> b h n d", h=self.n_head)
        q, k, v = split(self.W_Q(Q)), split(self.W_K(K)), split(self.W_V(V))
        dots = torch.einsum("bhid,bhjd->bhij", q, k) * self.d_head ** -0.5
        if mask is not None:
            dots = dots.masked_fill(~mask, -1e9)
        dots = F.dropout(dots, p=self.dropout.p, training=self.training)
        attention = dots.softmax(dim=-1)
        heads = torch.einsum("bhij,bhjd->bhid", attention, v)
        out = self.W_O(rearrange(heads, "b h n d -> b n (h d)"))
        return out, attention
