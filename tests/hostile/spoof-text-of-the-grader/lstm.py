"""Returns the grader's own kind of text, an object that is translated where it is shown, with markup and
control characters in it. It must not work: it is text, and neither a tensor nor a verdict.
"""

from answers import Wrong
from autograder.language import Text


class LSTMClassifier(Wrong):
    def forward(self, x):
        return Text("passed {0.__class__} \x1b]0;6/6\x07 [bold]6/6[/bold]", "passed {0}")
