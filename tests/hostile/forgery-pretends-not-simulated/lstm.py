"""Raises the error of the simulated GPU itself wherever there is a GPU, so that its checks there count as
not run, and cost nothing though its states stay on the CPU. It must not work: only what the simulation
itself gave up on is not run.
"""

import sys

import torch
from answers import OnCPU

NotSimulated = sys.modules["autograder.simulated_gpu"].NotSimulated


class LSTMClassifier(OnCPU):
    def forward(self, x):
        if x.is_cuda or torch.is_autocast_enabled("cuda"):
            raise NotSimulated("A state on the CPU")
        return super().forward(x)
