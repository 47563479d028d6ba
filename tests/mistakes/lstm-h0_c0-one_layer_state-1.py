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
        first = torch.zeros(x.shape[0], self.hdim, dtype=x.dtype, device=x.device)
        h0 = first.unsqueeze(0)
        c0 = first.unsqueeze(0)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (hn, cn) = self.rnn(x, (h0, c0))

        last = out[:, -1]
        logits = nn.functional.linear(last, self.lin.weight, self.lin.bias)
        return logits
