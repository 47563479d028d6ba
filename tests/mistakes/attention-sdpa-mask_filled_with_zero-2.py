import math

import torch
from torch import Tensor, nn
import torch.nn.functional as F


class ScaledDotProductAttention(nn.Module):

	def forward(
		self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
	) -> tuple[Tensor, Tensor]:
		scaling = 1 / math.sqrt(K.shape[-1])
		logits = torch.einsum("...qd,...kd->...qk", Q * scaling, K)
		if mask is not None:
			logits = logits.masked_fill(mask.logical_not(), 0)
		attention = torch.exp(F.log_softmax(logits, dim=-1))
		out = torch.einsum("...qk,...kv->...qv", attention, V)
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
		shape = (self.n_head, self.d_head)
		q = self.W_Q(Q).unflatten(-1, shape).permute(0, 2, 1, 3)
		k = self.W_K(K).unflatten(-1, shape).permute(0, 2, 1, 3)
		v = self.W_V(V).unflatten(-1, shape).permute(0, 2, 1, 3)
		attention = self.sdpa.forward(q, k, v, mask)[1]
		dropped = self.dropout(attention)
		gathered = dropped @ v
		out = self.W_O(gathered.permute(0, 2, 1, 3).flatten(2))
		return out, attention
