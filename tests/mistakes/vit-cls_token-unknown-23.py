"""A Vision Transformer: an image is a sentence of patches."""

import math

import torch
from einops import rearrange, repeat
from einops.layers.torch import Rearrange
from torch import Tensor, nn


class ImageEmbedding(nn.Module):
    """Cut an image into patches, and make a token of each, with a class token in front.

    z_0 = [x_class; x_1 E; …; x_N E] + E_pos   (Dosovitskiy et al. 2021, eq. 1)

    Args:
        in_channels: channels of the image.
        img_size: its height and width, in pixels. A multiple of patch_size.
        patch_size: height and width of a patch P. There are N = (img_size / P)² patches.
        emb_dim: features of a token, D.
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

        # TODO cls_token: [class token; patches] + positions.
        #   1. give each image of the batch the class token self.cls_token (1, 1, emb_dim)
        #   2. put it in front of that image's patches: (batch, N+1, emb_dim)
        #   3. then add self.positions (N+1, emb_dim): its row 0 belongs to the class token
        # Name the result x.
        x = torch.cat([repeat(self.cls_token, '() n d -> b n d', b=batch), x.flip(1)], dim=1)
        x = x + self.positions
        return x


class MultiHeadAttention(nn.Module):
    """Multi-head self-attention. Given: there is nothing to do here.

    Args:
        emb_dim: features of a token. A multiple of num_heads.
        num_heads: number of heads h.
        dropout_ratio: dropout on the attention weights.
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
        """x (batch, token, emb_dim) -> out (the same), attention (batch, head, token, token)."""
        q, k, v = (
            rearrange(project(x), "b n (h d) -> b h n d", h=self.num_heads)
            for project in (self.query, self.key, self.value)
        )
        similarity = torch.einsum("b h i d, b h j d -> b h i j", q, k) / self.scaling
        attention = similarity.softmax(dim=-1)
        x = torch.einsum("b h i j, b h j d -> b i h d", self.dropout(attention), v)
        return self.linear(rearrange(x, "b n h d -> b n (h d)")), attention


class MLPBlock(nn.Sequential):
    """Two linear layers with a GELU between them, on each token by itself. Given.

    Args:
        emb_dim: features of a token, before and after.
        forward_dim: the hidden layer is this many times as wide.
        dropout_ratio: dropout after the GELU.
    """

    def __init__(self, emb_dim: int, forward_dim: int = 4, dropout_ratio: float = 0.2) -> None:
        super().__init__(
            nn.Linear(emb_dim, forward_dim * emb_dim),
            nn.GELU(),
            nn.Dropout(dropout_ratio),
            nn.Linear(forward_dim * emb_dim, emb_dim),
        )


class EncoderBlock(nn.Module):
    """One Transformer block in its pre-norm form   (Dosovitskiy et al. 2021, eq. 2 and 3).

    z'_l = MSA(LN(z_{l-1})) + z_{l-1}
    z_l  = MLP(LN(z'_l)) + z'_l

    Args:
        emb_dim, num_heads, forward_dim, dropout_ratio: as in MultiHeadAttention and MLPBlock.
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
        """x (batch, token, emb_dim) -> x (the same), attention (batch, head, token, token)."""
        # TODO encoder_block: The two equations above.
        # MSA is self.mha; the first LN is self.norm_1, the second self.norm_2.
        # What the first sum adds is z itself: the tokens as they were *before* the LayerNorm,
        # not the normalised ones. The second adds z', in the same way.
        # Name the results x and attention (the one that self.mha gives).
        out, attention = self.mha(self.norm_1(x))
        x = out + x
        x = self.mlp(self.norm_2(x)) + x
        return x, attention


class EncoderModule(nn.Module):
    """A stack of blocks, each fed with what the one before it gives. Given."""

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
        """x (batch, token, emb_dim) -> x (the same), the attention of each block."""
        attentions = []
        for block in self.blocks:
            x, attention = block(x)
            attentions.append(attention)
        return x, attentions


class VisionTransformer(nn.Module):
    """Classify an image from its class token   (Dosovitskiy et al. 2021, eq. 4: y = LN(z_L⁰)).

    Args:
        in_channel, img_size, patch_size, emb_dim: as in ImageEmbedding.
        n_enc_layers: number of encoder blocks.
        num_heads, forward_dim, dropout_ratio: as in EncoderBlock.
        n_classes: number of classes.
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
        """x (batch, channel, height, width) -> logits (batch, n_classes), attention of each block."""
        # TODO body: From the image to its class scores.
        #   1. embed the image (self.ie), and send its tokens through the encoder (self.em),
        #      which also gives the list attentions: return it whole
        #   2. take the class token, the one that ImageEmbedding put in front: (batch, emb_dim)
        #   3. self.normalization, then self.classification_head: (batch, n_classes), no softmax
        # Name the results x and attentions.
        x = self.ie(x)
        x, attentions = self.em(x)
        x = x[:, 0]
        x = self.classification_head(self.normalization(x))
        return x, attentions
