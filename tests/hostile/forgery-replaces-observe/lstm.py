"""Replaces the functions of the worker that turn a value into bytes, so that every observation becomes
"passed". It must not work: the judge expects numbers, and gets words.
"""

import autograder.observation
import autograder.worker
from answers import Wrong as LSTMClassifier

autograder.worker.observe = lambda value, depth=3: "passed"
autograder.worker.pack = lambda observation: ({"observed": {"logits": "passed"}}, {})
autograder.observation.pack = autograder.worker.pack
