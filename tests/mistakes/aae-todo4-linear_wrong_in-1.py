import torch
import torch.nn as nn

PIXELS = 32 * 32


def reparameterization(mu, logvar):
    std = torch.exp(logvar / 2)
    noise = torch.randn_like(std)
    return mu + std * noise


class Encoder(nn.Module):
    def __init__(self, latent_dim=10):
        super(Encoder, self).__init__()
        layers = [nn.Linear(PIXELS, 512)]
        layers.append(nn.Dropout(p=0.2))
        layers.append(nn.ReLU())
        layers.append(nn.Linear(512, 512))
        layers.append(nn.Dropout(p=0.2))
        layers.append(nn.ReLU())
        self.model = nn.Sequential(*layers)
        self.mu = nn.Linear(512, latent_dim)
        self.logvar = nn.Linear(512, latent_dim)

    def forward(self, img):
        x = img.view(img.size(0), -1)
        x = self.model(x)
        return reparameterization(self.mu(x), self.logvar(x))


class Decoder(nn.Module):
    def __init__(self, latent_dim=10):
        super(Decoder, self).__init__()
        layers = [nn.Linear(latent_dim, 512), nn.Dropout(p=0.2), nn.ReLU()]
        layers += [nn.Linear(512, 512), nn.BatchNorm1d(512), nn.Dropout(p=0.2), nn.ReLU()]
        layers.append(nn.Linear(PIXELS, PIXELS))
        layers.append(nn.Tanh())
        self.model = nn.Sequential(*layers)

    def forward(self, z):
        img = self.model(z)
        return img.view(-1, 1, 32, 32)


class Discriminator(nn.Module):
    def __init__(self, latent_dim=10):
        super(Discriminator, self).__init__()
        layers = []
        layers.append(nn.Linear(latent_dim, 512))
        layers += [nn.Dropout(p=0.2), nn.ReLU()]
        layers += [nn.Linear(512, 256), nn.Dropout(p=0.2), nn.ReLU()]
        layers.append(nn.Linear(256, 1))
        layers.append(nn.Sigmoid())
        self.model = nn.Sequential(*layers)

    def forward(self, z):
        return self.model(z)
