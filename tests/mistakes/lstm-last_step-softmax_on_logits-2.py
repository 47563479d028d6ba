import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(xdim, hdim, num_layers=n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        h0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)
        c0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        return self.softmax(self.lin(hn[-1]))
