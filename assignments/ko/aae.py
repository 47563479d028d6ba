"""적대적 오토인코더: 이미지를 인코딩하고 디코딩하며, 판별자가 잠재 공간을 빚습니다.

Makhzani et al. 2015. 이미지는 32 × 32 흑백이므로 펼치면 1024픽셀입니다.
"""

import torch
from torch import Tensor, nn


def reparameterization(mu: Tensor, logvar: Tensor) -> Tensor:
    """z = mu + σ · noise를 뽑습니다. σ = exp(logvar / 2). 주어진 코드입니다.

    Kingma & Welling 2014, 2.4절. mu, logvar, z는 모두 (batch, latent_dim)입니다.
    """
    std = torch.exp(logvar / 2)
    return mu + std * torch.randn_like(std)


class Encoder(nn.Module):
    """이미지 (batch, 1, 32, 32) -> 잠재 벡터 z (batch, latent_dim)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(1024, 512),
            # TODO todo1: 특징의 5분의 1을 버리는 드롭아웃 층 (p = 0.2).
            nn.Identity(),  # TODO todo1
            # TODO todo2: ReLU 층.
            nn.Identity(),  # TODO todo2
            # TODO todo3: 특징 수를 그대로 유지하는 선형 층.
            nn.Identity(),  # TODO todo3
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
    """잠재 벡터 z (batch, latent_dim) -> 픽셀 값이 (-1, 1)인 이미지 (batch, 1, 32, 32)."""

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
            # TODO todo4: 특징을 받아 이미지의 모든 픽셀을 내보내는 선형 층.
            # 힌트: Encoder의 첫 번째 층을 살펴보세요.
            nn.Identity(),  # TODO todo4
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> img (batch, 1, 32, 32)."""
        return self.model(z).view(-1, 1, 32, 32)


class Discriminator(nn.Module):
    """잠재 벡터 z (batch, latent_dim) -> z가 사전 분포에서 뽑혔을 확률 (batch, 1)."""

    def __init__(self, latent_dim: int = 10) -> None:
        super().__init__()
        self.model = nn.Sequential(
            # TODO todo5: 잠재 벡터를 받아 특징 512개를 내보내는 선형 층.
            # 힌트: Decoder의 첫 번째 층을 살펴보세요.
            nn.Identity(),  # TODO todo5
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            # TODO todo6: 잠재 벡터마다 점수 하나를 내보내는 선형 층.
            nn.Identity(),  # TODO todo6
            # TODO todo7: 점수를 확률로 바꾸는 시그모이드 층.
            nn.Identity(),  # TODO todo7
        )

    def forward(self, z: Tensor) -> Tensor:
        """z (batch, latent_dim) -> probability (batch, 1)."""
        return self.model(z)
