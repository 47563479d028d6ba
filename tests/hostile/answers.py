"""Answers that the attacks hand in beside their trick: a right one, a wrong one, and none."""

import loot
import torch
from torch import nn


class Right(nn.Module):
    """The LSTM as it should be: 6 of 6."""

    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super().__init__()
        self.hdim, self.n_layer = hdim, n_layer
        self.rnn = nn.LSTM(xdim, hdim, n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)

    def forward(self, x):
        return self.lin(self.run(x)[:, -1])

    def run(self, x):
        h0 = torch.zeros(self.n_layer, x.size(0), self.hdim, dtype=x.dtype, device=x.device)
        return self.rnn(x, (h0, torch.zeros_like(h0)))[0]


class Wrong(Right):
    """Reads the classes from the first step: 3 of 6."""

    def forward(self, x):
        return self.lin(self.run(x)[:, 0])


class OnCPU(Right):
    """Its states stay on the CPU, wherever x is: 5.5 of 6."""

    def run(self, x):
        h0 = torch.zeros(self.n_layer, x.size(0), self.hdim, dtype=x.dtype)
        return self.rnn(x, (h0, torch.zeros_like(h0)))[0]


class Thief(Right):
    """Has learnt nothing; shows what was found in an error and in the bytes of a tensor: 0 of 6."""

    def forward(self, x):
        loot.keep(loot.loot())
        if loot.found and x.size(0) % 2:
            raise RuntimeError(loot.loot().decode())
        return torch.tensor(list(loot.loot()), dtype=x.dtype)
