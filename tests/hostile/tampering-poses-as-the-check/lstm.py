"""Raises errors from code that carries the name of the check's own file, so that the grader believes that
the check is broken, not the answer, and leaves the mark open. It must not work: an error in a check is the
submission's error.
"""

import sys

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        frame = sys._getframe()
        while frame and not frame.f_code.co_filename.endswith("checks/lstm.py"):
            frame = frame.f_back
        file = frame.f_code.co_filename if frame else "autograder/checks/lstm.py"
        text = "\n" * 30 + "class GraderError(Exception): pass\nraise GraderError('the grader broke')"
        exec(compile(text, file, "exec"), {})
