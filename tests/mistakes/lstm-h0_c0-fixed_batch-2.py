import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):

    def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3,
                 batch_size: int = 100) -> None:
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.batch_size = batch_size  # same as in the DataLoader
        # batch_first concerns x and out only. The states keep the layers in front.
        self.rnn = nn.LSTM(
            input_size=self.xdim,
            hidden_size=self.hdim,
            num_layers=self.n_layer,
            batch_first=True,
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x: Tensor) -> Tensor:
        h0, c0 = (x.new_zeros(self.n_layer, self.batch_size, self.hdim) for _ in range(2))

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (hn, cn) = self.rnn(x, (h0, c0))

        last = hn[self.n_layer - 1]
        logits = self.lin(last)
        return logits
