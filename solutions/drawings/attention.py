"""## Look at it: who looks at whom

Each query is a noisy copy of one key, so the first picture should be brightest along its diagonal;
in the second, which hides the keys to come, everything right of the diagonal should be exactly 0.
The heads of the untrained layer, on the right, look almost evenly at every key.
"""

import matplotlib.pyplot as plt

torch.manual_seed(0)
n, d_feat = 8, 16
keys = torch.randn(1, n, d_feat)
queries = keys + 0.5 * torch.randn(1, n, d_feat)
past = torch.ones(n, n).tril().bool()

attend = ScaledDotProductAttention()
heads = MultiHeadedAttention(d_feat=d_feat, n_head=2).eval()
with torch.no_grad():
    pictures = {
        "no mask": attend(queries, keys, keys)[1][0],
        "the keys to come are hidden": attend(queries, keys, keys, past)[1][0],
        "head 0, untrained": heads(queries, keys, keys)[1][0, 0],
        "head 1, untrained": heads(queries, keys, keys)[1][0, 1],
    }

figure, axes = plt.subplots(1, len(pictures), figsize=(13, 3.4), layout="constrained")
for axis, (title, weights) in zip(axes, pictures.items(), strict=True):
    image = axis.imshow(weights, vmin=0, vmax=1)
    axis.set(title=title, xlabel="key", ylabel="query")
figure.colorbar(image, ax=axes, label="attention")
plt.show()
