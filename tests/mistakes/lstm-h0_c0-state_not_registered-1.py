import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(
            input_size=self.xdim, hidden_size=self.hdim, num_layers=self.n_layer, batch_first=True
        )
        self.lin = nn.Linear(self.hdim, self.ydim)
        self.h_init = torch.zeros(n_layer, 1, hdim)
        self.c_init = torch.zeros(n_layer, 1, hdim)

    def forward(self, x: Tensor) -> Tensor:
        h0 = self.h_init.repeat(1, x.size(0), 1).to(x.dtype)
        c0 = self.c_init.repeat(1, x.size(0), 1).to(x.dtype)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        last = out[:, -1]
        logits = self.lin(last)
        return logits
