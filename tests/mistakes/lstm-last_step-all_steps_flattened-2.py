import torch
from torch import Tensor, nn
from einops import rearrange


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
        h0 = torch.zeros([self.n_layer, x.size(0), self.hdim], dtype=x.dtype).to(x.device)
        c0 = torch.zeros([self.n_layer, x.size(0), self.hdim], dtype=x.dtype).to(x.device)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (hn, cn) = self.rnn(x, (h0, c0))

        logits = rearrange(self.lin(out), "b t y -> (b t) y")
        return logits
