import math
import torch
from einops import rearrange, repeat
from einops.layers.torch import Rearrange
from torch import Tensor, nn


class ImageEmbedding(nn.Module):
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
        batch = x.size(0)
        x = self.linear(self.rearrange(x))
        cls_tokens = repeat(self.cls_token, "() n d -> b n d", b=batch)
        x = torch.cat([cls_tokens, x], dim=1)
        x = x + self.positions
        return x


class MultiHeadAttention(nn.Module):
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
        q, k, v = (
            rearrange(project(x), "b n (h d) -> b h n d", h=self.num_heads)
            for project in (self.query, self.key, self.value)
        )
        similarity = torch.einsum("b h i d, b h j d -> b h i j", q, k) / self.scaling
        attention = similarity.softmax(dim=-1)
        x = torch.einsum("b h i j, b h j d -> b i h d", self.dropout(attention), v)
        return (self.linear(rearrange(x, "b n h d -> b n (h d)")), attention)


class MLPBlock(nn.Sequential):
    def __init__(self, emb_dim: int, forward_dim: int = 4, dropout_ratio: float = 0.2) -> None:
        super().__init__(
            nn.Linear(emb_dim, forward_dim * emb_dim),
            nn.GELU(),
            nn.Dropout(dropout_ratio),
            nn.Linear(forward_dim * emb_dim, emb_dim),
        )


class EncoderBlock(nn.Module):
    def __init__(
        self, emb_dim: int, num_heads: int = 8, forward_dim: int = 4, dropout_ratio: float = 0.2
    ) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(emb_dim)
        self.mha = MultiHeadAttention(emb_dim, num_heads, dropout_ratio)
        self.norm_2 = nn.LayerNorm(emb_dim)
        self.mlp = MLPBlock(emb_dim, forward_dim, dropout_ratio)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        one = torch.ones(1)
        out, attention = self.mha(self.norm_1(x))
        x = one * out + x
        x = self.mlp(self.norm_2(x)) + x
        return (x, attention)


class EncoderModule(nn.Module):
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
            (
                EncoderBlock(emb_dim, num_heads, forward_dim, dropout_ratio)
                for _ in range(n_enc_layers)
            )
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        attentions = []
        for block in self.blocks:
            x, attention = block(x)
            attentions.append(attention)
        return (x, attentions)


class VisionTransformer(nn.Module):
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
        x = self.ie(x)
        x, attentions = self.em(x)
        x = x[:, 0]
        x = self.classification_head(self.normalization(x))
        return (x, attentions)
