import numpy as np
import torch
from torch import nn


class LSTMClassifier(nn.Module):
    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super().__init__()
        self.xdim, self.hdim = xdim, hdim
        self.ydim, self.n_layer = ydim, n_layer
        self.rnn = nn.LSTM(xdim, hdim, num_layers=n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)

    def zero_state(self, x):
        """numpy 배열로 0 상태를 만든다"""
        z = np.zeros([self.n_layer, x.shape[0], self.hdim], dtype=np.float32)
        return torch.from_numpy(z).to(x.device)

    def forward(self, x):
        h0 = self.zero_state(x)
        c0 = self.zero_state(x)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        h_last = hn[-1]
        logits = self.lin(h_last)
        return logits
