import torch
from torch import Tensor, nn


def reparameterization(mu: Tensor, logvar: Tensor) -> Tensor:
	std = torch.exp(logvar / 2)
	return mu + std * torch.randn_like(std)


class Encoder(nn.Module):

	def __init__(self, latent_dim: int = 10) -> None:
		super().__init__()
		self.model = nn.Sequential(
			nn.Linear(1024, 512),
			nn.Dropout(0.2),
			nn.ReLU(inplace=True),
			nn.Linear(in_features=512, out_features=512),
			nn.Dropout(p=0.2),
			nn.ReLU(),
		)
		self.mu = nn.Linear(512, latent_dim)
		self.logvar = nn.Linear(512, latent_dim)

	def forward(self, img: Tensor) -> Tensor:
		x = self.model(img.flatten(start_dim=1))
		return reparameterization(self.mu(x), self.logvar(x))


class Decoder(nn.Module):

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
			nn.Linear(512, 32 * 32),
			nn.Tanh(),
		)

	def forward(self, z: Tensor) -> Tensor:
		return self.model(z).view(-1, 1, 32, 32)


class Discriminator(nn.Module):

	def __init__(self, latent_dim: int = 10) -> None:
		super().__init__()
		self.model = nn.Sequential(
			nn.Linear(latent_dim, 512),
			nn.Dropout(p=0.2),
			nn.ReLU(),
			nn.Linear(512, 256),
			nn.Dropout(p=0.2),
			nn.ReLU(),
			nn.Linear(256, 1, bias=True),
			nn.Softmax(-1),
		)

	def forward(self, z: Tensor) -> Tensor:
		return self.model(z)
