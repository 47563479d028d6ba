"""Changes the language and the texts of the grader, so that every sentence about it says that it passed. It
must not work: sentences are made by the judge, and marks are not made of sentences.
"""

import autograder.language
from answers import Wrong as LSTMClassifier

autograder.language.use("ko")
autograder.language._ = lambda text: "Passed, 6 of 6 points."
autograder.language.english = lambda text: "Passed, 6 of 6 points."
