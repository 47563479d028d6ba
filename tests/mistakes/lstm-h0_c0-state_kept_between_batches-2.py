import torch
import torch.nn as nn
from torch import Tensor


class State:
    """Holds h and c of the LSTM."""

    def __init__(self, n_layer, hdim):
        self.n_layer = n_layer
        self.hdim = hdim
        self.h = {}
        self.c = {}

    def get(self, x: Tensor):
        key = len(x), x.dtype, x.device
        if key not in self.h:
            self.h[key] = x.new_zeros(self.n_layer, len(x), self.hdim)
            self.c[key] = x.new_zeros(self.n_layer, len(x), self.hdim)
        return self.h[key], self.c[key]

    def update(self, x: Tensor, h: Tensor, c: Tensor):
        key = len(x), x.dtype, x.device
        self.h[key].copy_(h.data)
        self.c[key].copy_(c.data)


class LSTMClassifier(nn.Module):
    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super().__init__()
        self.xdim, self.hdim, self.ydim, self.n_layer = xdim, hdim, ydim, n_layer
        self.rnn = nn.LSTM(xdim, hdim, n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)
        self.state = State(n_layer, hdim)

    def forward(self, x: Tensor) -> Tensor:
        h0, c0 = self.state.get(x)
        out, (hn, cn) = self.rnn(x, (h0.clone(), c0.clone()))
        self.state.update(x, hn, cn)
        return self.lin(hn[-1])
