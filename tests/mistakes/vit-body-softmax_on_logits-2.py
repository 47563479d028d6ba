import torch
import torch.nn as nn
from einops import rearrange, repeat
from einops.layers.torch import Rearrange


class ImageEmbedding(nn.Module):

    def __init__(self, in_channels=3, img_size=224, patch_size=16, emb_dim=768):
        super(ImageEmbedding, self).__init__()
        self.rearrange = Rearrange('b c (num_w p1) (num_h p2) -> b (num_w num_h) (p1 p2 c)',
                                   p1=patch_size, p2=patch_size)
        self.linear = nn.Linear(in_channels * patch_size * patch_size, emb_dim)
        self.cls_token = nn.Parameter(torch.randn(1, 1, emb_dim))
        n_patches = img_size * img_size // (patch_size * patch_size)
        self.positions = nn.Parameter(torch.randn(n_patches + 1, emb_dim))

    def forward(self, x):
        batch = x.size(0)
        x = self.rearrange(x)
        x = self.linear(x)
        cls = repeat(self.cls_token, "1 1 d -> b 1 d", b=batch)
        x = torch.cat([cls, x], dim=1)
        x = x + self.positions
        return x


class MultiHeadAttention(nn.Module):

    def __init__(self, emb_dim, num_heads=8, dropout_ratio=0.2):
        super(MultiHeadAttention, self).__init__()
        self.num_heads = num_heads
        self.scaling = (emb_dim // num_heads) ** 0.5
        self.query = nn.Linear(emb_dim, emb_dim)
        self.key = nn.Linear(emb_dim, emb_dim)
        self.value = nn.Linear(emb_dim, emb_dim)
        self.linear = nn.Linear(emb_dim, emb_dim)
        self.dropout = nn.Dropout(dropout_ratio)

    def forward(self, x):
        Q = rearrange(self.query(x), 'b q (h d) -> b h q d', h=self.num_heads)
        K = rearrange(self.key(x), 'b k (h d) -> b h d k', h=self.num_heads)
        V = rearrange(self.value(x), 'b v (h d) -> b h v d', h=self.num_heads)
        weight = torch.matmul(Q, K) / self.scaling
        attention = torch.softmax(weight, dim=-1)
        x = torch.matmul(self.dropout(attention), V)
        x = rearrange(x, 'b h q d -> b q (h d)')
        return self.linear(x), attention


class MLPBlock(nn.Sequential):

    def __init__(self, emb_dim, forward_dim=4, dropout_ratio=0.2):
        super().__init__(
            nn.Linear(emb_dim, forward_dim * emb_dim),
            nn.GELU(),
            nn.Dropout(dropout_ratio),
            nn.Linear(forward_dim * emb_dim, emb_dim),
        )


class EncoderBlock(nn.Module):

    def __init__(self, emb_dim, num_heads=8, forward_dim=4, dropout_ratio=0.2):
        super(EncoderBlock, self).__init__()
        self.norm_1 = nn.LayerNorm(emb_dim)
        self.mha = MultiHeadAttention(emb_dim, num_heads, dropout_ratio)
        self.norm_2 = nn.LayerNorm(emb_dim)
        self.mlp = MLPBlock(emb_dim, forward_dim, dropout_ratio)

    def forward(self, x):
        residual = x
        x = self.norm_1(x)
        x, attention = self.mha(x)
        x = x + residual

        residual = x
        x = self.norm_2(x)
        x = self.mlp(x)
        x = x + residual
        return x, attention


class EncoderModule(nn.Module):

    def __init__(self, emb_dim, n_enc_layers, num_heads, forward_dim, dropout_ratio):
        super(EncoderModule, self).__init__()
        self.blocks = nn.ModuleList(
            [EncoderBlock(emb_dim, num_heads, forward_dim, dropout_ratio) for _ in range(n_enc_layers)]
        )

    def forward(self, x):
        attentions = []
        for block in self.blocks:
            x, attention = block(x)
            attentions.append(attention)
        return x, attentions


class VisionTransformer(nn.Module):

    def __init__(self, in_channel=3, img_size=224, patch_size=16, emb_dim=768,
                 n_enc_layers=15, num_heads=3, forward_dim=4, dropout_ratio=0.2, n_classes=1000):
        super(VisionTransformer, self).__init__()
        self.ie = ImageEmbedding(in_channel, img_size, patch_size, emb_dim)
        self.em = EncoderModule(emb_dim, n_enc_layers, num_heads, forward_dim, dropout_ratio)
        self.normalization = nn.LayerNorm(emb_dim)
        self.classification_head = nn.Linear(emb_dim, n_classes)

    def forward(self, x):
        x = self.ie(x)
        x, attentions = self.em(x)
        x = self.normalization(x[:, 0, :])
        x = self.classification_head(x)
        probs = torch.exp(x - torch.logsumexp(x, dim=1, keepdim=True))
        return probs, attentions
        return x, attentions
