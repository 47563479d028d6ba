"""Vision Transformer: 이미지는 패치로 쓴 문장입니다."""

import math

import torch
from einops import rearrange, repeat
from einops.layers.torch import Rearrange
from torch import Tensor, nn


class ImageEmbedding(nn.Module):
    """이미지를 패치로 자르고, 패치마다 토큰을 만들고, 맨 앞에 클래스 토큰을 붙입니다.

    z_0 = [x_class; x_1 E; …; x_N E] + E_pos   (Dosovitskiy et al. 2021, 식 1)

    Args:
        in_channels: 이미지의 채널 수.
        img_size: 이미지의 높이와 너비(픽셀). patch_size의 배수입니다.
        patch_size: 패치의 높이와 너비 P. 패치는 N = (img_size / P)²개입니다.
        emb_dim: 토큰의 특징 수 D.
    """

    def __init__(
        self, in_channels: int = 3, img_size: int = 224, patch_size: int = 16, emb_dim: int = 768
    ) -> None:
        super().__init__()
        n_patches = (img_size // patch_size) ** 2
        self.rearrange = Rearrange(
            "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=patch_size, p2=patch_size
        )
        self.linear = nn.Linear(in_channels * patch_size**2, emb_dim)
        self.cls_token = nn.Parameter(torch.randn(1, 1, emb_dim))
        self.positions = nn.Parameter(torch.randn(n_patches + 1, emb_dim))

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channel, height, width) -> tokens (batch, N+1, emb_dim)."""
        batch = x.size(0)
        x = self.linear(self.rearrange(x))  # (batch, N, emb_dim)

        # TODO cls_token: [클래스 토큰; 패치] + 위치 임베딩.
        #   1. 배치의 이미지마다 클래스 토큰 self.cls_token (1, 1, emb_dim)을 줍니다
        #   2. 클래스 토큰을 그 이미지의 패치 앞에 붙입니다: (batch, N+1, emb_dim)
        #   3. 그런 다음 self.positions (N+1, emb_dim)을 더합니다. 0번 행이 클래스 토큰의 것입니다
        # 결과의 이름은 x로 하세요.
        raise NotImplementedError("TODO cls_token: [클래스 토큰; 패치] + 위치 임베딩")
        return x


class MultiHeadAttention(nn.Module):
    """멀티헤드 셀프 어텐션. 주어진 코드이므로 여기서 할 일은 없습니다.

    Args:
        emb_dim: 토큰의 특징 수. num_heads의 배수입니다.
        num_heads: 헤드 수 h.
        dropout_ratio: 어텐션 가중치에 적용하는 드롭아웃의 비율.
    """

    def __init__(self, emb_dim: int, num_heads: int = 8, dropout_ratio: float = 0.2) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scaling = math.sqrt(emb_dim // num_heads)
        self.query = nn.Linear(emb_dim, emb_dim)
        self.key = nn.Linear(emb_dim, emb_dim)
        self.value = nn.Linear(emb_dim, emb_dim)
        self.linear = nn.Linear(emb_dim, emb_dim)
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, token, emb_dim) -> out (같은 크기), attention (batch, head, token, token)."""
        q, k, v = (
            rearrange(project(x), "b n (h d) -> b h n d", h=self.num_heads)
            for project in (self.query, self.key, self.value)
        )
        similarity = torch.einsum("b h i d, b h j d -> b h i j", q, k) / self.scaling
        attention = similarity.softmax(dim=-1)
        x = torch.einsum("b h i j, b h j d -> b i h d", self.dropout(attention), v)
        return self.linear(rearrange(x, "b n h d -> b n (h d)")), attention


class MLPBlock(nn.Sequential):
    """사이에 GELU를 둔 두 선형 층을 토큰마다 따로 적용합니다. 주어진 코드입니다.

    Args:
        emb_dim: 들어오고 나가는 토큰의 특징 수.
        forward_dim: 은닉층의 너비가 emb_dim의 몇 배인지.
        dropout_ratio: GELU 다음에 적용하는 드롭아웃의 비율.
    """

    def __init__(self, emb_dim: int, forward_dim: int = 4, dropout_ratio: float = 0.2) -> None:
        super().__init__(
            nn.Linear(emb_dim, forward_dim * emb_dim),
            nn.GELU(),
            nn.Dropout(dropout_ratio),
            nn.Linear(forward_dim * emb_dim, emb_dim),
        )


class EncoderBlock(nn.Module):
    """정규화를 먼저 하는(pre-norm) 트랜스포머 블록 하나   (Dosovitskiy et al. 2021, 식 2와 3).

    z'_l = MSA(LN(z_{l-1})) + z_{l-1}
    z_l  = MLP(LN(z'_l)) + z'_l

    Args:
        emb_dim, num_heads, forward_dim, dropout_ratio: MultiHeadAttention, MLPBlock에서와 같습니다.
    """

    def __init__(
        self,
        emb_dim: int,
        num_heads: int = 8,
        forward_dim: int = 4,
        dropout_ratio: float = 0.2,
    ) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(emb_dim)
        self.mha = MultiHeadAttention(emb_dim, num_heads, dropout_ratio)
        self.norm_2 = nn.LayerNorm(emb_dim)
        self.mlp = MLPBlock(emb_dim, forward_dim, dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, token, emb_dim) -> x (같은 크기), attention (batch, head, token, token)."""
        # TODO encoder_block: 위의 두 수식.
        # MSA는 self.mha이고, 첫 번째 LN은 self.norm_1, 두 번째 LN은 self.norm_2입니다.
        # 첫 번째 식에서 더하는 것은 z 자체, 곧 LayerNorm을 거치기 *전의* 토큰이지
        # 정규화된 토큰이 아닙니다. 두 번째 식에서도 마찬가지로 z'를 더합니다.
        # 결과의 이름은 x와 attention(self.mha가 돌려준 것)으로 하세요.
        raise NotImplementedError("TODO encoder_block: 위의 두 수식")
        return x, attention


class EncoderModule(nn.Module):
    """블록을 쌓은 것. 블록마다 앞 블록의 출력을 받습니다. 주어진 코드입니다."""

    def __init__(
        self,
        emb_dim: int,
        n_enc_layers: int,
        num_heads: int,
        forward_dim: int,
        dropout_ratio: float,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            EncoderBlock(emb_dim, num_heads, forward_dim, dropout_ratio)
            for _ in range(n_enc_layers)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x (batch, token, emb_dim) -> x (같은 크기), 블록마다 하나씩 나온 attention."""
        attentions = []
        for block in self.blocks:
            x, attention = block(x)
            attentions.append(attention)
        return x, attentions


class VisionTransformer(nn.Module):
    """클래스 토큰으로 이미지를 분류합니다   (Dosovitskiy et al. 2021, 식 4: y = LN(z_L⁰)).

    Args:
        in_channel, img_size, patch_size, emb_dim: ImageEmbedding에서와 같습니다.
        n_enc_layers: 인코더 블록의 수.
        num_heads, forward_dim, dropout_ratio: EncoderBlock에서와 같습니다.
        n_classes: 클래스 수.
    """

    def __init__(
        self,
        in_channel: int = 3,
        img_size: int = 224,
        patch_size: int = 16,
        emb_dim: int = 768,
        n_enc_layers: int = 15,
        num_heads: int = 3,
        forward_dim: int = 4,
        dropout_ratio: float = 0.2,
        n_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.ie = ImageEmbedding(in_channel, img_size, patch_size, emb_dim)
        self.em = EncoderModule(emb_dim, n_enc_layers, num_heads, forward_dim, dropout_ratio)
        self.normalization = nn.LayerNorm(emb_dim)
        self.classification_head = nn.Linear(emb_dim, n_classes)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """x (batch, channel, height, width) -> logits (batch, n_classes), 블록마다 하나씩 나온 attention."""
        # TODO body: 이미지에서 클래스 점수까지.
        #   1. 이미지를 임베딩하고(self.ie), 그 토큰을 인코더(self.em)에 통과시킵니다.
        #      인코더는 attentions 리스트도 돌려주는데, 이것을 통째로 돌려주세요
        #   2. ImageEmbedding이 맨 앞에 붙인 클래스 토큰을 꺼냅니다: (batch, emb_dim)
        #   3. self.normalization, 그다음 self.classification_head: (batch, n_classes). softmax는 쓰지 않습니다
        # 결과의 이름은 x와 attentions로 하세요.
        raise NotImplementedError("TODO body: 이미지에서 클래스 점수까지")
        return x, attentions
