"""Adversarial autoencoder."""
import torch
from torch import Tensor, nn
from torch.nn import BatchNorm1d, Dropout, Linear, ReLU, Sequential, Tanh


def reparameterization(mu: Tensor, logvar: Tensor) -> Tensor:
    std = (0.5 * logvar).exp()
    return mu + std * torch.randn_like(mu)


class Encoder(nn.Module):
    """(batch, 1, 32, 32) -> (batch, latent_dim)"""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        first = Sequential(Linear(1024, 512), Dropout(0.2), ReLU())
        second = Sequential(Linear(512, 512), Dropout(0.2), ReLU())
        self.model = Sequential(first, second)
        self.mu = Linear(512, latent_dim)
        self.logvar = Linear(512, latent_dim)

    def forward(self, img: Tensor) -> Tensor:
        features = self.model(img.reshape(len(img), -1))
        mu, logvar = self.mu(features), self.logvar(features)
        return reparameterization(mu, logvar)


class Decoder(nn.Module):
    """(batch, latent_dim) -> (batch, 1, 32, 32)"""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = Sequential(
            Sequential(Linear(latent_dim, 512), Dropout(0.2), ReLU()),
            Sequential(Linear(512, 512), BatchNorm1d(512), Dropout(0.2), ReLU()),
            Sequential(Linear(512, 1024), Tanh()),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.model(z).reshape(len(z), 1, 32, 32)


class Discriminator(nn.Module):
    """(batch, latent_dim) -> (batch, 1)"""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = Sequential(
            Sequential(Linear(latent_dim, 512), Dropout(0.2), ReLU()),
            Sequential(Linear(512, 256), Dropout(0.2), ReLU()),
            Sequential(Linear(256, 1)),
        )

    def forward(self, z: Tensor) -> Tensor:
        return self.model(z)
