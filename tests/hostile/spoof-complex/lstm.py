"""Returns complex numbers with the wrong answer in the real part and NaN in the other, which a comparison of
absolute values may pass. It must not work: another type is another type.
"""

import torch
from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        answer = super().forward(x)
        return torch.complex(answer, answer * float("nan"))
