import torch
import torch.nn as nn
import torch.nn.functional as F


class LSTMClassifier(nn.Module):
    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3):
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(
            input_size=self.xdim,
            hidden_size=self.hdim,
            num_layers=self.n_layer,
            batch_first=True,
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x):
        num_directions = 1
        batch_size = x.size(0)
        # (num_directions, batch, hidden_size), see the docs of nn.LSTM
        state = [
            torch.zeros(num_directions, batch_size, self.hdim).to(device=x.device, dtype=x.dtype)
            for _ in ("h", "c")
        ]
        out, (hn, cn) = self.rnn(input=x, hx=tuple(state))
        idx = x.size(1) - 1
        last = out[:, idx]
        return F.linear(last, self.lin.weight, self.lin.bias)
