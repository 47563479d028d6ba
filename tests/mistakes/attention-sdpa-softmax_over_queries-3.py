import torch
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange


class ScaledDotProductAttention(nn.Module):
  def forward(self, Q, K, V, mask=None):
    scale = Q.shape[-1] ** -0.5
    dots = torch.einsum('... i d, ... j d -> ... i j', Q, K) * scale
    if mask is not None:
      dots.masked_fill_(~mask, -1e9)
    attn = F.softmax(dots, dim=-2)
    out = torch.einsum('... i j, ... j d -> ... i d', attn, V)
    return out, attn


class MultiHeadedAttention(nn.Module):
  def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
    super().__init__()
    self.d_feat, self.n_head = d_feat, n_head
    self.d_head = d_feat // n_head
    self.W_Q, self.W_K, self.W_V, self.W_O = (
      nn.Linear(d_feat, d_feat, bias=bias) for _ in range(4)
    )
    self.sdpa = ScaledDotProductAttention()
    self.dropout = nn.Dropout(dropout_p)

  def forward(self, Q, K, V, mask=None):
    h = self.n_head
    q, k, v = map(lambda t: rearrange(t, 'b n (h d) -> b h n d', h=h),
                  (self.W_Q(Q), self.W_K(K), self.W_V(V)))
    attn = self.sdpa(q, k, v, mask)[1]
    out = torch.einsum('b h i j, b h j d -> b h i d', self.dropout(attn), v)
    out = rearrange(out, 'b h n d -> b n (h d)')
    return self.W_O(out), attn


if __name__ == '__main__':
  mha = MultiHeadedAttention()
  x = torch.randn(2, 9, 128)
  y, a = mha(x, x, x)
  print(y.shape, a.shape)
