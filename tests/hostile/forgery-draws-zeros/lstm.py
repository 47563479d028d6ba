"""Makes the source of inputs and weights give zeros only, for which the first step and the last look
alike. It must not work: the reference was examined with the real inputs, in another process.
"""

import autograder.draw
import torch
from answers import Wrong as LSTMClassifier

autograder.draw.Draw.__call__ = lambda self, *shape, scale=1.0: torch.zeros(shape)
autograder.draw._weight = lambda seed, start, shape, dtype: torch.zeros(shape, dtype=dtype)
autograder.draw._normals = lambda generator, size: __import__("numpy").zeros(size)
