"""An LSTM reads an image row by row and says which digit it shows."""

import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    """Classify a sequence from what an LSTM has gathered by its last step.

    Args:
        xdim: features of one step (for an image: the pixels of one row).
        hdim: features of the hidden state h and of the cell state c.
        ydim: number of classes.
        n_layer: number of stacked LSTM layers.
    """

    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super().__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        # batch_first concerns x and out only. The states keep the layers in front.
        self.rnn = nn.LSTM(
            input_size=self.xdim,
            hidden_size=self.hdim,
            num_layers=self.n_layer,
            batch_first=True,
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def forward(self, x):
        """x (batch, time, xdim) -> logits (batch, ydim)."""
        h0 = torch.zeros(self.n_layer, len(x), self.hdim).to(x.device, x.dtype)
        c0 = torch.zeros(self.n_layer, len(x), self.hdim).to(x.device, x.dtype)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (hn, cn) = self.rnn(x, (h0, c0))

        last = out[-1]  # 마지막 출력
        logits = self.lin(last)
        return logits
