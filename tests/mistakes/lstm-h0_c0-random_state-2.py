"""LSTM classifier (assignment 2)."""
import torch
from torch import Tensor
from torch import nn


def initial_state(like: Tensor, layers: int, features: int) -> Tensor:
    state = like.new_empty(layers, like.size(0), features)
    nn.init.xavier_uniform_(state)
    return state


class LSTMClassifier(nn.Module):
    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(xdim, hdim, n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)

    def forward(self, x: Tensor) -> Tensor:
        h0 = initial_state(x, self.n_layer, self.hdim)
        c0 = initial_state(x, self.n_layer, self.hdim)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        last = out.transpose(0, 1)[-1]
        return self.lin(last)
