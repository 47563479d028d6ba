import torch
import torch.nn as nn


class LSTMClassifier(nn.Module):
	def __init__(self, xdim=28, hdim=256, ydim=10, n_layer=3):
		super().__init__()
		self.xdim, self.hdim, self.ydim, self.n_layer = xdim, hdim, ydim, n_layer
		self.rnn = nn.LSTM(xdim, hdim, n_layer, batch_first=True)
		self.lin = nn.Linear(hdim, ydim)

	def forward(self, x):
		zeros = lambda: torch.zeros(self.n_layer, x.size(0), self.hdim, dtype=x.dtype, device=x.device)
		out, (hn, cn) = self.rnn(x, hx=(zeros(), zeros()))
		# (layer, batch, hdim) -> (batch, layer, hdim)
		hn = hn.permute(1, 0, 2)
		return self.lin(hn[:, 0])
