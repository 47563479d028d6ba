import torch
import torch.nn as nn

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


class LSTMClassifier(nn.Module):
    def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
        super(LSTMClassifier, self).__init__()
        self.xdim = xdim
        self.hdim = hdim
        self.ydim = ydim
        self.n_layer = n_layer
        self.rnn = nn.LSTM(
            input_size=self.xdim, hidden_size=self.hdim, num_layers=self.n_layer, batch_first=True
        )
        self.lin = nn.Linear(self.hdim, self.ydim)

    def init_state(self, x):
        shape = (self.n_layer, len(x), self.hdim)
        zeros = torch.zeros(shape).to(x)
        # rnn is batch_first, so the states need the batch in front too
        return zeros.permute(1, 0, 2).contiguous(), zeros.permute(1, 0, 2).contiguous()

    def forward(self, x):
        h0, c0 = self.init_state(x)
        out, (hn, cn) = self.rnn(x, (h0, c0))
        return self.lin(hn[-1])
