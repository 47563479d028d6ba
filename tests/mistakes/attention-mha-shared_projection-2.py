import math

import torch
import torch.nn as nn
import torch.nn.functional as F

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class ScaledDotProductAttention(nn.Module):
    def forward(self, Q, K, V, mask=None):
        scores = torch.matmul(Q, K.transpose(-2, -1))
        scores = scores / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = F.softmax(scores, dim=-1)
        out = torch.matmul(attention, V)
        return out, attention


class MultiHeadedAttention(nn.Module):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
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

    def split_heads(self, x):
        b, n, _ = x.size()
        return x.view(b, n, self.n_head, self.d_head).transpose(1, 2)

    def merge_heads(self, x):
        b, _, n, _ = x.size()
        return x.transpose(1, 2).contiguous().view(b, n, self.d_feat)

    def forward(self, Q, K, V, mask=None):
        # project
        Q = self.W_K(Q)
        K = self.W_K(K)
        V = self.W_V(V)
        # split
        Q, K, V = self.split_heads(Q), self.split_heads(K), self.split_heads(V)
        # attend
        _, attention = self.sdpa(Q, K, V, mask)
        out = torch.matmul(self.dropout(attention), V)
        # merge
        return self.W_O(self.merge_heads(out)), attention
