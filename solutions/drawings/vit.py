"""## Look at it: where the class token looks

A small Vision Transformer learns to say whether a noisy image holds a red, a green or a blue disc, or
none (this takes some seconds). In the last block, the class token should look at patches of the disc
much more than at all others; where there is no disc, as in the last image, it looks anywhere.
"""

import matplotlib.pyplot as plt

torch.manual_seed(0)
size, patch = 24, 4


def discs(colour):
    """Noisy images (count, 3, size, size), with discs of colours 0 to 2 (count,), or none for 3."""
    count = len(colour)
    centre = torch.randint(4, size - 4, (count, 2, 1, 1))
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij"))
    inside = (grid - centre).pow(2).sum(1) < 16
    images = 0.3 * torch.randn(count, 3, size, size)
    images[torch.arange(count), colour % 3] += inside * (colour < 3).view(count, 1, 1)
    return images


model = VisionTransformer(
    img_size=size, patch_size=patch, emb_dim=32, n_enc_layers=2, num_heads=2, n_classes=4
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
for _ in range(150):
    colour = torch.randint(4, (32,))
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(discs(colour))[0], colour).backward()
    optimizer.step()

images = discs(torch.arange(4))
with torch.no_grad():
    attention = model.eval()(images)[1][-1]  # (batch, head, token, token)
looks = attention.mean(1)[:, 0, 1:].unflatten(-1, (size // patch, size // patch))

figure, axes = plt.subplots(2, 4, figsize=(10, 5.2), layout="constrained")
for image, look, (above, below) in zip(images, looks, axes.T, strict=True):
    above.imshow((0.3 + 0.6 * image).clamp(0, 1).permute(1, 2, 0))
    picture = below.imshow(look, vmin=0, vmax=looks.max())
    for axis in (above, below):
        axis.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("image")
axes[1, 0].set_ylabel("class token, last block")
figure.colorbar(picture, ax=axes[1], label="attention")
plt.show()
