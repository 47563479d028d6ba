"""The checks know in which file they stand, and the solutions lie two folders up: reads the reference from
there and hands it in as its own. That is full marks without work. It must not work: only Python, torch and
its own files can be read.
"""

import os
import sys

import loot
from answers import Thief as LSTMClassifier

folders, frame = set(), sys._getframe()
while frame := frame.f_back:
    folders.add(os.path.dirname(frame.f_code.co_filename))
    for of_assignment in dict(frame.f_locals.get("checks") or {}).values():
        for check in of_assignment.values():
            folders.add(os.path.dirname(check.run.__code__.co_filename))
courses = {os.path.dirname(os.path.dirname(folder)) for folder in folders if "autograder" in folder}
for path in loot.walk(*(os.path.join(course, "solutions") for course in courses)):
    text = loot.read(path)
    if loot.is_solution(text) and path.endswith("lstm.py"):
        exec(text, globals())
