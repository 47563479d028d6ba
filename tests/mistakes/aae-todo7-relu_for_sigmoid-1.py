import numpy as np
import torch
import torch.nn as nn

img_shape = (1, 32, 32)
cuda = torch.cuda.is_available()


def reparameterization(mu, logvar):
    std = torch.exp(logvar / 2)
    return mu + std * torch.randn_like(std)


def block(n_in, n_out, p=0.2):
    return [nn.Linear(n_in, n_out), nn.Dropout(p=p), nn.ReLU(inplace=True)]


class Encoder(nn.Module):
    def __init__(self, latent_dim: int = 10):
        super(Encoder, self).__init__()
        self.model = nn.Sequential(
            *block(int(np.prod(img_shape)), 512),
            *block(512, 512),
        )
        self.mu = nn.Linear(512, latent_dim)
        self.logvar = nn.Linear(512, latent_dim)

    def forward(self, img):
        img_flat = img.view(img.shape[0], -1)
        x = self.model(img_flat)
        return reparameterization(self.mu(x), self.logvar(x))


class Decoder(nn.Module):
    def __init__(self, latent_dim: int = 10):
        super(Decoder, self).__init__()
        self.model = nn.Sequential(
            *block(latent_dim, 512),
            nn.Linear(512, 512),
            nn.BatchNorm1d(512),
            nn.Dropout(p=0.2),
            nn.ReLU(inplace=True),
            nn.Linear(512, int(np.prod(img_shape))),
            nn.Tanh(),
        )

    def forward(self, z):
        img_flat = self.model(z)
        img = img_flat.view(img_flat.shape[0], *img_shape)
        return img


class Discriminator(nn.Module):
    def __init__(self, latent_dim: int = 10):
        super(Discriminator, self).__init__()
        self.model = nn.Sequential(
            *block(latent_dim, 512),
            *block(512, 256),
            nn.Linear(256, 1),
            nn.Softplus(),
        )

    def forward(self, z):
        return self.model(z)
