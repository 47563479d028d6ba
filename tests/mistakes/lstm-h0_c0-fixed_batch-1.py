"""LSTM digit classifier."""

import torch
from torch import Tensor, nn

BATCH_SIZE = 64
NUM_EPOCHS = 5
LR = 1e-3


class LSTMClassifier(nn.Module):
    """Reads the rows of an image one by one."""

    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
        super().__init__()
        self.xdim, self.hdim, self.ydim, self.n_layer = xdim, hdim, ydim, n_layer
        self.rnn = nn.LSTM(self.xdim, self.hdim, self.n_layer, batch_first=True)
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x: Tensor) -> Tensor:
        state_shape = (self.n_layer, BATCH_SIZE, self.hdim)
        h0 = torch.zeros(state_shape, device=x.device, dtype=x.dtype)
        c0 = torch.zeros_like(h0)

        out, (hn, cn) = self.rnn(x, (h0, c0))

        last = out[:, -1]
        logits = self.lin(last)
        return logits


if __name__ == "__main__":
    model = LSTMClassifier()
    x = torch.rand(BATCH_SIZE, 28, 28)
    print(model(x).shape)
