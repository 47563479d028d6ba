import torch
from torch import nn


class LSTMClassifier(nn.Module):

  def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
    super().__init__()
    self.xdim = xdim
    self.hdim = hdim
    self.ydim = ydim
    self.n_layer = n_layer
    self.rnn = nn.LSTM(input_size=xdim, hidden_size=hdim, num_layers=n_layer, batch_first=True)
    self.lin = nn.Linear(hdim, ydim)

  def forward(self, x):
    T, B, _ = x.shape   # 시간, 배치
    hidden = dict(dtype=x.dtype, device=x.device)
    h0 = torch.zeros((self.n_layer, B, self.hdim), **hidden)
    c0 = torch.zeros((self.n_layer, B, self.hdim), **hidden)
    out, (hn, cn) = self.rnn(x, hx=(h0, c0))
    *_, last = torch.unbind(out, dim=1)
    return self.lin(last)
