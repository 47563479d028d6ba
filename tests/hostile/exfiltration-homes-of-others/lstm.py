"""Leaves a letter, and a module named like one that the others import, in the homes of the workers that run
beside it: they would run this student's code with their own marks. It must not work: other homes are closed.
"""

import glob
import os

import loot
from answers import Right as LSTMClassifier

loot.look_around()
for home in glob.glob(os.path.join(os.path.dirname(os.getcwd()), "submission-*")):
    if home != os.getcwd():
        loot.attempt(
            lambda h=home: open(f"{h}/autograder-hostile.txt", "xb").write(loot.loot()),
            lambda h=home: open(f"{h}/autograder_hostile.py", "xb").write(b"# planted\n"),
        )
