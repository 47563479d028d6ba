"""## Look at it: reconstructions, and a latent space with a shape

A small autoencoder learns discs of two sizes, while the discriminator tells its codes from those of
the prior, a standard normal (this takes some seconds). The second row should look like the first, and the
codes should fill the circles, which hold 39, 86 and 99 % of the prior.
"""

import matplotlib.pyplot as plt
from torch.nn.functional import binary_cross_entropy, mse_loss

torch.manual_seed(0)
latent_dim, batch = 2, 64


def discs(count):
    """Images (count, 1, 32, 32) in [-1, 1], each with a disc, and whether it is a large one."""
    large = torch.randint(2, (count,))
    centre = torch.randint(9, 23, (count, 2, 1, 1))
    grid = torch.stack(torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij"))
    distance = (grid - centre).pow(2).sum(1).sqrt()
    return torch.tanh(4 + 4 * large.view(-1, 1, 1) - distance).unsqueeze(1), large


encoder, decoder = Encoder(latent_dim), Decoder(latent_dim)
critic = Discriminator(latent_dim)
ends = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.002)
judge = torch.optim.Adam(critic.parameters(), lr=0.001)
prior, coded = torch.ones(batch, 1), torch.zeros(batch, 1)
for _ in range(250):
    images, _ = discs(batch)
    codes = encoder(images)
    loss = mse_loss(decoder(codes), images) + 0.02 * binary_cross_entropy(critic(codes), prior)
    ends.zero_grad()
    loss.backward()
    ends.step()
    told = critic(torch.randn(batch, latent_dim)), critic(codes.detach())
    loss = binary_cross_entropy(told[0], prior) + binary_cross_entropy(told[1], coded)
    judge.zero_grad()
    loss.backward()
    judge.step()

images, large = discs(500)
with torch.no_grad():
    codes = encoder.eval()(images)
    decoded = decoder.eval()(codes)

figure = plt.figure(figsize=(11, 4.2), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[3, 2])
for row, (label, shown) in enumerate({"image": images, "decoded": decoded}.items()):
    for column in range(6):
        axis = left.add_subplot(2, 6, 6 * row + column + 1)
        axis.imshow(shown[column, 0], cmap="gray", vmin=-1, vmax=1)
        axis.set(xticks=[], yticks=[], ylabel="" if column else label)
axis = right.add_subplot()
for kind, label in enumerate(["small disc", "large disc"]):
    axis.scatter(*codes[large == kind].T, s=8, label=label)
for radius in (1, 2, 3):
    axis.add_patch(plt.Circle((0, 0), radius, fill=False, color="gray"))
axis.set(title="latent space", xlabel="z[0]", ylabel="z[1]", aspect="equal")
axis.legend()
plt.show()
