"""Finds the folder with everybody's submissions from the judge's arguments, reads all of it, and hands in
the first lstm.py that looks finished. It must not work: a worker is given its own files, and can read no
other's.
"""

import os

import loot
from answers import Thief as LSTMClassifier

for pid in loot.ancestors():
    for word in loot.read(f"/proc/{pid}/cmdline").decode("utf-8", "replace").split("\0"):
        place = os.path.join(f"/proc/{pid}/cwd", word)
        if not word or word.startswith("-") or not os.path.isdir(place):
            continue
        for path in loot.walk(place, seconds=0.7):
            text = loot.read(path)
            if path.endswith("kim_minjun/lstm.py") and b"class LSTMClassifier" in text:
                exec(text, globals())
