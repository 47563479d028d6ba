"""Takes the recorded observations that are handed out with the stubs, turns the seed back to the public
one, and returns what was recorded. It passes the student's own check without a line of LSTM. It must not
work: a class is graded at a seed that nobody knew.
"""

import os
import sys

import autograder.draw
import safetensors.numpy
import torch
from answers import Right

before = autograder.draw.Draw.__init__
autograder.draw.Draw.__init__ = lambda self, seed, check: before(self, 0, check)
recorded, package = {}, os.path.dirname(sys.modules["autograder"].__file__)
try:
    with open(os.path.join(package, "..", "assignments", "lstm.safetensors"), "rb") as file:
        recorded = safetensors.numpy.load(file.read())
except OSError:
    pass  # they were handed out: a student would have pasted them in here


class LSTMClassifier(Right):
    def forward(self, x):
        shape = (x.size(0), self.lin.out_features)
        for array in recorded.values():
            if array.shape == shape:
                return torch.from_numpy(array).to(x.dtype)
        return torch.zeros(shape, dtype=x.dtype)
