import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):

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
        batch_size, seq_len, _ = x.shape
        h0 = torch.zeros(self.n_layer, batch_size, self.hdim, dtype=x.dtype, device=x.device)
        c0 = torch.zeros(self.n_layer, batch_size, self.hdim, dtype=x.dtype, device=x.device)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (cn, hn) = self.rnn(x, (h0, c0))

        last = hn.view(self.n_layer, batch_size, self.hdim)[-1]
        logits = self.lin(last)
        return logits
