"""Returns truth values, whole numbers and text in the right shape, for which a difference may be no difference
or raise. It must not work: the type has to be right as well.
"""

import torch
from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        answer = super().forward(x)
        return {2: answer > 0, 5: answer.to(torch.uint8), 6: "passed"}.get(x.size(0), answer.half())
