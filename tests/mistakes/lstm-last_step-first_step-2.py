import torch
import torch.nn as nn


class LSTMClassifier(nn.Module):
    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super(LSTMClassifier, self).__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(xdim, hdim, n_layer, batch_first=True)
        self.lin = nn.Linear(hdim, ydim)

    def forward(self, x):
        weight = next(self.parameters()).data
        h0 = weight.new(self.n_layer, x.size(0), self.hdim).zero_()
        c0 = weight.new(self.n_layer, x.size(0), self.hdim).zero_()
        # 한 시점씩 읽기
        outs = []
        h, c = h0, c0
        for t in range(x.size(1)):
            o, (h, c) = self.rnn(x[:, t:t + 1], (h, c))
            outs.append(o[:, 0])
        outs.reverse()
        last = outs[-1]
        return self.lin(last)
