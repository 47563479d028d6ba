"""Returns quantised tensors, whose numbers are what they say they are. It must not work: not taken."""

import torch
from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        return torch.quantize_per_tensor(super().forward(x).float(), 1e9, 0, torch.qint8)
