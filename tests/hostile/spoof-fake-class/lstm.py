"""Returns an object that says its class is torch.Tensor, with a shape, a dtype and a numpy() of its own. It
must not work: its type is asked for, not its word.
"""

import torch
from answers import Wrong


class Fake:
    __class__ = torch.Tensor
    dtype, device, layout, requires_grad = torch.float64, torch.device("cpu"), torch.strided, True

    def __init__(self, shape):
        self.shape = torch.Size(shape)

    def __getattr__(self, name):
        return lambda *a, **k: self

    def __eq__(self, other):
        return True


class LSTMClassifier(Wrong):
    def forward(self, x):
        return Fake((x.size(0), self.lin.out_features))
