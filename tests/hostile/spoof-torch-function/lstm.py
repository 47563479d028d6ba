"""Returns a tensor of a subclass whose __torch_function__ answers True to every question, also to "are you
close to this". It must not work: only an exact torch.Tensor counts.
"""

import torch
from answers import Wrong


class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), named=None):
        return True


class LSTMClassifier(Wrong):
    def forward(self, x):
        return super().forward(x).as_subclass(Yes)
