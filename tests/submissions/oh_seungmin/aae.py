"""An adversarial autoencoder: encode an image, decode it, and let a discriminator shape the code.

Makhzani et al. 2015. The images are grey and 32 × 32, so a flattened one has 1024 pixels.

(I find nn.Sequential hard to debug, so I rewrote the three networks with functional calls.)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def reparameterization(mu: Tensor, logvar: Tensor) -> Tensor:
    """Draw z = mu + σ · noise with σ = exp(logvar / 2)   (Kingma & Welling 2014, section 2.4). Given.

    mu, logvar and z are (batch, latent_dim).
    """
    std = torch.exp(logvar / 2)
    return mu + std * torch.randn_like(std)


class Encoder(nn.Module):
    """An image (batch, 1, 32, 32) -> its code z (batch, latent_dim)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.fc1 = nn.Linear(1024, 512)
        self.fc2 = nn.Linear(512, 512)  # todo3
        self.mu = nn.Linear(512, latent_dim)
        self.logvar = nn.Linear(512, latent_dim)

    def forward(self, img: Tensor) -> Tensor:
        """img (batch, 1, 32, 32) -> z (batch, latent_dim)."""
        x = self.fc1(img.flatten(start_dim=1))
        x = F.dropout(x, 0.2, self.training)  # todo1
        x = F.relu(x)  # todo2
        x = self.fc2(x)
        x = F.relu(F.dropout(x, 0.2, self.training))
        return reparameterization(self.mu(x), self.logvar(x))


class Decoder(nn.Module):
    """A code z (batch, latent_dim) -> an image (batch, 1, 32, 32) with pixels in (-1, 1)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.fc1 = nn.Linear(latent_dim, 512)
        self.fc2 = nn.Linear(512, 512)
        self.bn = nn.BatchNorm1d(512)
        self.fc3 = nn.Linear(512, 1024)  # todo4

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> img (batch, 1, 32, 32)."""
        h = F.relu(F.dropout(self.fc1(z), 0.2, self.training))
        h = self.bn(self.fc2(h))
        h = F.relu(F.dropout(h, 0.2, self.training))
        return torch.tanh(self.fc3(h)).view(-1, 1, 32, 32)


class Discriminator(nn.Module):
    """A code z (batch, latent_dim) -> the probability (batch, 1) that it was drawn from the prior."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.fc1 = nn.Linear(latent_dim, 512)  # todo5
        self.fc2 = nn.Linear(512, 256)
        self.fc3 = nn.Linear(256, 1)  # todo6

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> probability (batch, 1)."""
        h = F.relu(F.dropout(self.fc1(z), 0.2, self.training))
        h = F.relu(F.dropout(self.fc2(h), 0.2, self.training))
        return torch.sigmoid(self.fc3(h))  # todo7
