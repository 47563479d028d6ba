"""Sends each reply twice, so that the second one is taken for the answer to the next question. The answer is
right for the first step only. It must not work: a reply to another question holds other numbers.
"""

import autograder.frames
import autograder.worker
from answers import Wrong as LSTMClassifier

encode = autograder.frames.encode
autograder.frames.encode = lambda *a: encode(*a) * (2 if "observed" in a[0] else 1)
