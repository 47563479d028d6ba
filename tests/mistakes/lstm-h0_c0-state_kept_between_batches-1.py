import torch
from torch import nn


class LSTMClassifier(nn.Module):
    """Classify a sequence from what an LSTM has gathered by its last step."""

    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
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
        self.hidden = None

    def forward(self, x):
        n_batch = x.size(0)
        if self.hidden is None or self.hidden[0].size(1) != n_batch:
            h0 = torch.zeros(self.n_layer, n_batch, self.hdim, device=x.device, dtype=x.dtype)
            c0 = torch.zeros(self.n_layer, n_batch, self.hdim, device=x.device, dtype=x.dtype)
        else:
            h0, c0 = self.hidden
        out, (hn, cn) = self.rnn(x, (h0, c0))
        self.hidden = (hn.detach(), cn.detach())

        logits = self.lin(out[:, -1])
        return logits
