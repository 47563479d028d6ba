"""Returns NumPy arrays, of objects, of structures and mapped from a file, for which numpy itself would call
the objects' own methods. It must not work: an array is not a tensor.
"""

import numpy
from answers import Wrong


class Yes:
    def __eq__(self, other):
        return True

    def __array__(self, *arguments, **named):
        return numpy.ones((2, 4))


class LSTMClassifier(Wrong):
    def forward(self, x):
        if x.size(0) == 2:
            return numpy.array([[Yes()] * 4] * 2, dtype=object)
        return numpy.memmap("map", numpy.float64, "w+", shape=(5, 6)) if x.size(0) == 5 else Yes()
