import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):

  def forward(
    self, Q, K, V, mask=None
  ):
    *lead, n_q, d_k = Q.shape
    n_k, d_v = K.shape[-2], V.shape[-1]
    q = Q.reshape(-1, n_q, d_k)
    k = K.reshape(-1, n_k, d_k)
    v = V.reshape(-1, n_k, d_v)
    scores = torch.bmm(q, k.permute(0, 2, 1)) / d_k ** 0.5
    scores = scores.reshape(*lead, n_q, n_k)
    if mask is not None:
      scores = scores.masked_fill(mask.logical_not(), -torch.inf)
    attention = nn.functional.softmax(scores, dim=-1)
    out = torch.bmm(attention.reshape(-1, n_q, n_k), v).reshape(*lead, n_q, d_v)
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
    q, k, v = self.W_Q(Q), self.W_K(K), self.W_V(V)
    m = mask.squeeze(1) if mask is not None and mask.dim() == 4 else mask
    heads, maps = [], []
    for h in range(self.n_head):
      a, b = h * self.d_head, (h + 1) * self.d_head
      _, weights = self.sdpa(q[:, :, a:b], k[:, :, a:b], v[:, :, a:b], m)
      weights = self.dropout(weights)
      maps.append(weights.unsqueeze(1))
      heads.append(weights @ v[:, :, a:b])
    out = self.W_O(torch.cat(heads, -1))
    attention = torch.cat(maps, 1)
    return out, attention
