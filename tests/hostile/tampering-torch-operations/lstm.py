"""Patches the operations that later checks use (linear, stack, zeros, detach, the gradient) so that all
that is computed becomes zero. It would harm whoever is judged in the same process afterwards. It must not
work: nobody is, and the numbers of this one are simply wrong.
"""

import torch
from answers import Wrong as LSTMClassifier

torch.nn.functional.linear = lambda x, w, b=None: x.new_zeros(*x.shape[:-1], len(w))
torch.stack = torch.cat = lambda tensors, dim=0: tensors[0]
torch.autograd.grad = lambda loss, inputs, **k: [torch.zeros_like(x) for x in inputs]
torch.Tensor.detach = torch.Tensor.clone = lambda self: self * 0
