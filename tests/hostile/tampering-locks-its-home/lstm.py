"""Takes every permission from its folder and from a few folders in it, with links beside them, so that the
grader cannot remove them, or changes the permissions of what the links lead to. It must not work: nothing
is left, and what lies elsewhere keeps its mode.
"""

import os

import loot
from answers import Right as LSTMClassifier

for name in "abc":
    os.makedirs(f"{name}/inner")
    os.symlink(loot.PRECIOUS, f"{name}/link")
    os.chmod(f"{name}/inner", 0)
    os.chmod(name, 0)


class Last(LSTMClassifier):
    def forward(self, x):
        answer = super().forward(x)
        os.chmod(os.getcwd(), 0)
        return answer


LSTMClassifier = Last
