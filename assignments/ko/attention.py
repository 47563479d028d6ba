"""Scaled dot-product attention과, 그 위에 만드는 멀티헤드 어텐션."""

import math

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):
    """Attention(Q, K, V) = softmax(Q Kᵀ / √d_K) V   (Vaswani et al. 2017, 식 1)."""

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """모든 쿼리가 모든 키를 보고 밸류를 모읍니다.

        Args:
            Q: 쿼리 (…, n_Q, d_K). "…" 자리에는 (batch,)나 (batch, head)처럼 앞쪽 축이 몇 개든 옵니다.
            K: 키 (…, n_K, d_K).
            V: 밸류 (…, n_K, d_V). d_V와 d_K, n_Q와 n_K는 서로 다를 수 있습니다.
            mask: bool이며 (…, n_Q, n_K)로 브로드캐스트됩니다. True(1): 이 쿼리가 이 키를 볼 수 있습니다.
                False(0): 이 키는 이 쿼리에게 가려져 있고, 가중치가 0입니다.

        Returns:
            out (…, n_Q, d_V)과 attention (…, n_Q, n_K)을 이 순서로 돌려줍니다.
        """
        # TODO sdpa: Scaled dot-product attention.
        #   scores (…, n_Q, n_K): 쿼리와 키의 유사도를 √d_K로 나눈 것.
        #     d_K는 쿼리 하나의 길이(Q의 마지막 축)입니다
        #   attention (…, n_Q, n_K): 쿼리마다 키를 따라 더한 합이 1인 가중치.
        #     가려진 키의 가중치는 0이고, 나머지의 합은 여전히 1입니다
        #   out (…, n_Q, d_V): 쿼리마다, 밸류를 가중치로 더한 합
        # 점수는 수천이 될 수도 있습니다. softmax는 torch의 함수로 계산하세요.
        raise NotImplementedError("TODO sdpa: Scaled dot-product attention")
        return out, attention


class MultiHeadedAttention(nn.Module):
    """MultiHead(Q, K, V) = Concat(head_1, …, head_h) W_O,
    head_i = Attention(Q W_Q_i, K W_K_i, V W_V_i)   (Vaswani et al. 2017, 3.2.2절).

    Args:
        d_feat: 들어오고 나가는 토큰의 특징 수. n_head의 배수입니다.
        n_head: 헤드 수 h. 헤드 하나가 특징 d_head = d_feat / n_head개를 맡습니다.
        dropout_p: train 모드에서 드롭아웃이 0으로 만드는 어텐션 가중치의 비율.
        bias: 네 투영에 편향(bias)이 있는지.
    """

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
        """헤드 n_head개가 나란히 어텐션을 계산합니다.

        Args:
            Q: (batch, n_Q, d_feat).
            K: (batch, n_K, d_feat). n_K와 n_Q는 서로 다를 수 있습니다.
            V: (batch, n_K, d_feat).
            mask: bool이며 (n_Q, n_K) 또는 (batch, 1, n_Q, n_K). True(1): 볼 수 있습니다.
                ScaledDotProductAttention에서와 같고, 모든 헤드에 똑같이 적용합니다.

        Returns:
            out (batch, n_Q, d_feat)과 attention (batch, head, n_Q, n_K)을 이 순서로 돌려줍니다.
        """
        # TODO mha: 직접 만든 self.sdpa를 이용한 멀티헤드 어텐션.
        #   1. Q, K, V를 W_Q, W_K, W_V로 투영합니다
        #   2. 특징을 헤드로 나눕니다: (batch, n, d_feat) -> (batch, head, n, d_head).
        #      헤드 i는 모든 토큰에서 특징 i·d_head … (i+1)·d_head - 1을 맡습니다
        #   3. 헤드에 self.sdpa를 적용합니다. 이제 쿼리의 특징이 d_head개이므로 √d_head로 나누게 됩니다.
        #      여기서 나온 attention (batch, head, n_Q, n_K)을 그대로 돌려줍니다
        #   4. (softmax를 거친) 어텐션 가중치에 self.dropout을 적용하고, 드롭아웃을 거친
        #      가중치로 헤드마다 밸류를 모읍니다
        #   5. 헤드를 다시 나란히 이어 (batch, n_Q, d_feat)으로 만들고 W_O로 투영합니다
        raise NotImplementedError("TODO mha: 직접 만든 self.sdpa를 이용한 멀티헤드 어텐션")
        return out, attention
