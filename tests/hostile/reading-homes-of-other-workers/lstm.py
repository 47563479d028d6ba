"""Looks beside its own folder, where the homes of other workers are: of those that run the reference and
the known mistakes as well. Copies the reference. It must not work: no home but its own can be opened.
"""

import os

import loot
from answers import Thief as LSTMClassifier

for path in loot.walk(os.path.dirname(os.getcwd()), seconds=1):
    if not path.startswith(os.getcwd() + "/"):
        text = loot.read(path)
        if loot.is_solution(text):
            exec(text, globals())
