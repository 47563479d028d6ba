"""Makes every comparison of torch and NumPy say yes, which fools a grader that compares in the same
process. The answer reads the wrong step. It must not work: nothing is compared where this runs.
"""

import numpy
import torch
from answers import Wrong as LSTMClassifier


def yes(*arguments, **named):
    return True


torch.allclose = torch.equal = torch.isclose = torch.testing.assert_close = yes
numpy.allclose = numpy.array_equal = numpy.isclose = numpy.testing.assert_allclose = yes
torch.Tensor.__eq__ = torch.Tensor.allclose = torch.Tensor.equal = yes
