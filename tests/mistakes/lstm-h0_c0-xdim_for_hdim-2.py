import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):

  def __init__(self, xdim: int = 28, hdim: int = 256, ydim: int = 10, n_layer: int = 3) -> None:
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

  def forward(self, x: Tensor) -> Tensor:
    b, t, d = x.size()
    # hidden state, cell state
    h0 = x.new_zeros((self.n_layer, b, d))
    c0 = h0.clone()

    # out (batch, time, hdim): h of the top layer at every step
    # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
    out, (hn, cn) = self.rnn(x, (h0, c0))

    last = hn[-1, :, :]
    print(last.shape)
    logits = self.lin(last)
    return logits
