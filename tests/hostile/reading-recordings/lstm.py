"""Looks for what was recorded of the reference (*.safetensors, *.npz) around the installed grader, and for
caches of compiled solutions (*.pyc), and reads them all. It must not work: they hold nothing for a fresh
seed, and cannot be read.
"""

import os

import autograder
import loot
from answers import Thief as LSTMClassifier

course = os.path.dirname(os.path.dirname(autograder.__file__))
for path in loot.walk(f"{course}/assignments", f"{course}/solutions", f"{course}/autograder"):
    if path.endswith((".safetensors", ".npz", ".pyc", ".jsonl")):
        data = loot.read(path)
        if b"BEGIN SOLUTION" in data:
            print("a solution is recorded in", path)
