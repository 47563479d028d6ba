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

    def forward(self, x: Tensor) -> Tensor:
        h0 = torch.zeros(self.n_layer, x.size(0), self.ydim).to(x)
        c0 = torch.zeros(self.n_layer, x.size(0), self.ydim).to(x)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        last = out[:, -1]
        logits = self.lin(last)
        return logits
