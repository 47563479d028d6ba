import math

import torch
from torch import Tensor, nn
import numpy as np


class ScaledDotProductAttention(nn.Module):

    def forward(
        self, Q, K, V, mask=None
    ):
        q, k, v = (t.detach().cpu().numpy() for t in (Q, K, V))
        scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
        if mask is not None:
            scores = np.where(mask.cpu().numpy(), scores, -np.inf)
        scores = scores - scores.max(axis=-1, keepdims=True)
        weights = np.exp(scores)
        weights = weights / weights.sum(axis=-1, keepdims=True)
        attention = torch.from_numpy(weights).to(Q)
        out = torch.from_numpy(weights @ v).to(Q)
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
        shape = (self.n_head, self.d_head)
        q = self.W_Q(Q).unflatten(-1, shape).permute(0, 2, 1, 3)
        k = self.W_K(K).unflatten(-1, shape).permute(0, 2, 1, 3)
        v = self.W_V(V).unflatten(-1, shape).permute(0, 2, 1, 3)
        attention = self.sdpa.forward(q, k, v, mask)[1]
        dropped = self.dropout(attention)
        gathered = dropped @ v
        out = self.W_O(gathered.permute(0, 2, 1, 3).flatten(2))
        return out, attention
