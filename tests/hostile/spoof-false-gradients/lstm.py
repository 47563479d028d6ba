"""Returns a wrong answer through an autograd function whose backward gives any gradient that one likes, with
requires_grad set on what has none. It must not work: gradients are compared like anything else.
"""

import torch
from answers import Wrong


class Liar(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return torch.ones_like(gradient)


class LSTMClassifier(Wrong):
    def forward(self, x):
        return Liar.apply(super().forward(x).detach().requires_grad_())
