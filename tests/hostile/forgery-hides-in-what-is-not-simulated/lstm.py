"""Where there is a GPU, it calls what the simulated one has no answer to, so that its checks there count as
not run, and cost nothing though its states stay on the CPU. It must not work: what a submission makes
impossible gives no points either.
"""

import torch
from answers import OnCPU


class LSTMClassifier(OnCPU):
    def forward(self, x):
        if x.is_cuda or torch.is_autocast_enabled("cuda"):
            x.detach().__dlpack__()
        return super().forward(x)
