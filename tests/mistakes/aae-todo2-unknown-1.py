"""An adversarial autoencoder: encode an image, decode it, and let a discriminator shape the code.

Makhzani et al. 2015. The images are grey and 32 × 32, so a flattened one has 1024 pixels.
"""

import torch
from torch import Tensor, nn


def reparameterization(mu: Tensor, logvar: Tensor) -> Tensor:
    """Draw z = mu + σ · noise with σ = exp(logvar / 2). Given.

    Kingma & Welling 2014, section 2.4. mu, logvar and z are (batch, latent_dim).
    """
    std = torch.exp(logvar / 2)
    return mu + std * torch.randn_like(std)


class Encoder(nn.Module):
    """An image (batch, 1, 32, 32) -> its code z (batch, latent_dim)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(1024, 512),
            # TODO todo1: A dropout layer that drops a fifth of the features (p = 0.2).
            nn.Dropout(p=0.2),
            # TODO todo2: A ReLU layer.
            nn.Threshold(0.1, 0.0),
            # TODO todo3: A linear layer that keeps the number of features.
            nn.Linear(512, 512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
        )
        self.mu = nn.Linear(512, latent_dim)
        self.logvar = nn.Linear(512, latent_dim)

    def forward(self, img: Tensor) -> Tensor:
        """img (batch, 1, 32, 32) -> z (batch, latent_dim)."""
        x = self.model(img.flatten(start_dim=1))
        return reparameterization(self.mu(x), self.logvar(x))


class Decoder(nn.Module):
    """A code z (batch, latent_dim) -> an image (batch, 1, 32, 32) with pixels in (-1, 1)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(latent_dim, 512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.BatchNorm1d(512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            # TODO todo4: A linear layer, from the features to all pixels of the image.
            # Hint: look at the first layer of the Encoder.
            nn.Linear(512, 1024),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> img (batch, 1, 32, 32)."""
        return self.model(z).view(-1, 1, 32, 32)


class Discriminator(nn.Module):
    """A code z (batch, latent_dim) -> the probability (batch, 1) that the prior drew it."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = nn.Sequential(
            # TODO todo5: A linear layer, from the code to 512 features.
            # Hint: look at the first layer of the Decoder.
            nn.Linear(latent_dim, 512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            # TODO todo6: A linear layer that gives one score for each code.
            nn.Linear(256, 1),
            # TODO todo7: A sigmoid layer: the score becomes a probability.
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> probability (batch, 1)."""
        return self.model(z)
