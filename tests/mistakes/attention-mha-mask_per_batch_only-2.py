import math

import torch
from torch import Tensor, nn
from einops import rearrange


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
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
        # (batch * head, n, d_head)
        fold = lambda t: rearrange(t, "b n (h d) -> (b h) n d", h=self.n_head)
        q, k, v = fold(self.W_Q(Q)), fold(self.W_K(K)), fold(self.W_V(V))
        if mask is not None:
            mask = mask.expand(Q.size(0), 1, Q.size(1), K.size(1)).squeeze(1)
        _, attention = self.sdpa(q, k, v, mask)
        heads = torch.bmm(self.dropout(attention), v)
        out = self.W_O(rearrange(heads, "(b h) n d -> b n (h d)", h=self.n_head))
        attention = rearrange(attention, "(b h) q k -> b h q k", h=self.n_head)
        return out, attention
