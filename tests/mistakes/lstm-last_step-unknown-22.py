"""An LSTM reads an image row by row and says which digit it shows."""

import torch
from torch import Tensor, nn


class LSTMClassifier(nn.Module):
    """Classify a sequence from what an LSTM has gathered by its last step.

    Args:
        xdim: features of one step (for an image: the pixels of one row).
        hdim: features of the hidden state h and of the cell state c.
        ydim: number of classes.
        n_layer: number of stacked LSTM layers.
    """

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
        """x (batch, time, xdim) -> logits (batch, ydim)."""
        # TODO h0_c0: Zero states, for every layer and every image.
        #   h0 (n_layer, batch, hdim): hidden state before the first step
        #   c0 (n_layer, batch, hdim): cell state before the first step
        # Both on the device of x and in the dtype of x. The batch size is that of
        # this x: the last batch of an epoch is often smaller.
        h0 = torch.zeros(self.n_layer, x.size(0), self.hdim, device=x.device, dtype=x.dtype)
        c0 = torch.zeros_like(h0)

        # out (batch, time, hdim): h of the top layer at every step
        # hn, cn (n_layer, batch, hdim): h and c of every layer after the last step
        out, (hn, cn) = self.rnn(x, (h0, c0))

        # TODO last_step: One vector of class scores for each image.
        #   last (batch, hdim): what the top layer holds after the last step
        #   logits (batch, ydim): self.lin of it, with no softmax (the loss applies it)
        logits = self.lin(out[:, -3])
        return logits
