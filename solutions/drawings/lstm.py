"""## Look at it: what the network believes, row by row

A small network learns to say in which quarter of an image the bright stripe lies. In the right
picture, the probability of the true class should jump to 1 as soon as the stripe was read, and stay
there to the last row: this is what the states are for.
"""

import matplotlib.pyplot as plt

torch.manual_seed(0)
rows, classes = 28, 4


def stripes(count):
    """Noisy images (count, rows, 28), each with a bright stripe, and in which quarter it lies."""
    images, quarter = 0.3 * torch.randn(count, rows, 28), torch.randint(classes, (count,))
    first = 7 * quarter + torch.randint(5, (count,))
    for image, row in zip(images, first, strict=True):
        image[row : row + 3] += 1
    return images, quarter


model = LSTMClassifier(xdim=28, hdim=32, ydim=classes, n_layer=2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(100):
    images, quarter = stripes(64)
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(images), quarter).backward()
    optimizer.step()

images, quarter = stripes(1)
with torch.no_grad():
    steps = [model(images[:, : step + 1]).softmax(-1)[0] for step in range(rows)]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
left.imshow(images[0], cmap="gray")
left.set(title=f"the image (class {quarter.item()})", xlabel="pixel", ylabel="row = time step")
for number, probability in enumerate(torch.stack(steps, dim=1)):
    right.plot(range(1, rows + 1), probability, label=f"class {number}")
right.axvspan(7 * quarter.item(), 7 * quarter.item() + 7, alpha=0.15, label="its quarter")
right.set(title="after each row", xlabel="rows read", ylabel="probability", ylim=(-0.02, 1.02))
right.legend()
plt.show()
