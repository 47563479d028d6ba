import math

import torch
from torch import Tensor, nn
import torch.nn.functional as F


class ScaledDotProductAttention(nn.Module):

  def forward(
    self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
  ) -> tuple[Tensor, Tensor]:
    root = Q.size(-1) ** 0.5
    scores = torch.matmul(Q * root, K.transpose(-1, -2))
    if mask is not None:
      scores = scores.masked_fill(mask == 0, -1e9)
    attention = F.softmax(scores, dim=-1)
    out = torch.matmul(attention, V)
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
    batch = Q.size(0)
    q, k, v = [
      proj(t).reshape(batch, t.size(1), self.n_head, self.d_head).swapaxes(1, 2)
      for proj, t in ((self.W_Q, Q), (self.W_K, K), (self.W_V, V))
    ]
    z, attention = self.sdpa(q, k, v, mask=mask)
    if self.training:
      z = self.dropout(attention) @ v
    out = self.W_O(z.swapaxes(1, 2).reshape(batch, Q.size(1), self.d_feat))
    return out, attention
