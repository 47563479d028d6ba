"""Puts a .pth file into site-packages, a file that every later Python executes at its start: the next
grading would run the student's code as the judge. (This one holds a comment.) It must not work: nothing
but its own home can be written.
"""

import os
import sysconfig

import autograder
import loot
from answers import Right as LSTMClassifier

folders = [sysconfig.get_path("purelib"), os.path.dirname(autograder.__file__)]
for folder in folders:
    path = os.path.join(folder, "autograder-hostile.pth")
    loot.attempt(lambda path=path: open(path, "x").write("# planted by a hostile submission\n"))
