import math

import torch
from torch import Tensor, nn
import torch.nn.functional as F
from einops import rearrange


class ScaledDotProductAttention(nn.Module):

  def forward(
    self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
  ) -> tuple[Tensor, Tensor]:
    lead = Q.shape[:-2]
    q, k = Q.reshape(-1, *Q.shape[-2:]), K.reshape(-1, *K.shape[-2:])
    scores = q.bmm(k.transpose(1, 2)) / Q.shape[-1] ** 0.5
    attention = F.softmax(scores, dim=2).reshape(*lead, q.size(1), k.size(1))
    if mask is not None:
      # 가려진 key 는 0
      attention = torch.where(mask, attention, torch.zeros_like(attention))
    out = attention.matmul(V)
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
    _, attention = self.sdpa(q, k, v, mask)
    heads = torch.einsum("bhqk,bhkd->bhqd", self.dropout(attention), v)
    out = self.W_O(rearrange(heads, "b h n d -> b n (h d)"))
    return out, attention
