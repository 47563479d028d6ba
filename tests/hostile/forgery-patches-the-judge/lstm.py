"""Imports the grader's own modules and replaces what decides: the comparison, the judge, the sum of the
points. In a grader of one process that is full marks. It must not work: these are copies in a process
that decides nothing.
"""

import autograder.compare
import autograder.judge
import autograder.results
from answers import Wrong as LSTMClassifier

autograder.compare.difference = autograder.judge.difference = lambda *a, **k: None
autograder.judge.judge = autograder.judge.all_failed = lambda *a, **k: ()
autograder.results.total = autograder.judge.total = lambda scores: 6.0
autograder.results.FAILED = autograder.results.ERROR = autograder.results.PASSED
