"""Finds the checks on the stack of the worker and replaces what they run with a function that says
"all is well", and their points with a hundred. It must not work: points stand with the judge, and what
a check returns is compared with what the real one showed on the reference.
"""

import sys

from answers import Wrong as LSTMClassifier
from autograder.check import Check

frame = sys._getframe()
while frame := frame.f_back:
    for of_assignment in dict(frame.f_locals.get("checks") or {}).values():
        for check in of_assignment.values():
            if isinstance(check, Check):
                object.__setattr__(check, "points", 100)
                object.__setattr__(check, "run", lambda module, draw: {"logits": True, "h0": True})
