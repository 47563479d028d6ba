from collections import OrderedDict

import torch
from torch import nn

# 하이퍼파라미터
IMG = (1, 32, 32)
HIDDEN = 512
DROP = 0.2


def reparameterization(mu, logvar):
    """z = mu + sigma * noise"""
    sigma = torch.exp(logvar / 2)
    return mu + sigma * torch.randn_like(sigma)


class Encoder(nn.Module):
    def __init__(self, latent_dim=10):
        super().__init__()
        self.model = nn.Sequential(OrderedDict([
            ("fc1", nn.Linear(1024, HIDDEN)),
            ("drop1", nn.Dropout(DROP + 0.1)),
            ("relu1", nn.ReLU()),
            ("fc2", nn.Linear(HIDDEN, HIDDEN)),
            ("drop2", nn.Dropout(DROP)),
            ("relu2", nn.ReLU()),
        ]))
        self.mu = nn.Linear(HIDDEN, latent_dim)
        self.logvar = nn.Linear(HIDDEN, latent_dim)

    def forward(self, img):
        h = self.model(torch.flatten(img, 1))
        mu = self.mu(h)
        logvar = self.logvar(h)
        return reparameterization(mu, logvar)


class Decoder(nn.Module):
    def __init__(self, latent_dim=10):
        super().__init__()
        self.model = nn.Sequential(OrderedDict([
            ("fc1", nn.Linear(latent_dim, HIDDEN)),
            ("drop1", nn.Dropout(DROP)),
            ("relu1", nn.ReLU()),
            ("fc2", nn.Linear(HIDDEN, HIDDEN)),
            ("bn2", nn.BatchNorm1d(HIDDEN)),
            ("drop2", nn.Dropout(DROP)),
            ("relu2", nn.ReLU()),
            ("fc3", nn.Linear(HIDDEN, 32 * 32)),
            ("tanh", nn.Tanh()),
        ]))

    def forward(self, z):
        return self.model(z).view(-1, *IMG)


class Discriminator(nn.Module):
    def __init__(self, latent_dim=10):
        super().__init__()
        self.model = nn.Sequential(OrderedDict([
            ("fc1", nn.Linear(latent_dim, HIDDEN)),
            ("drop1", nn.Dropout(DROP)),
            ("relu1", nn.ReLU()),
            ("fc2", nn.Linear(HIDDEN, 256)),
            ("drop2", nn.Dropout(DROP)),
            ("relu2", nn.ReLU()),
            ("fc3", nn.Linear(256, 1)),
            ("sigmoid", nn.Sigmoid()),
        ]))

    def forward(self, z):
        return self.model(z)


if __name__ == "__main__":
    enc, dec, dis = Encoder(), Decoder(), Discriminator()
    img = torch.rand(4, *IMG) * 2 - 1
    print(dec(enc(img)).shape)
