"""Walks the whole file system for a second and a half, likely folders first, for a solution, a recording or
a token. It must not work: what cannot be opened cannot be copied.
"""

import loot
from answers import Thief as LSTMClassifier

likely = ["/tmp/autograder-hostile-precious", "/autograder", "/srv", "/root", "/home", "/work", "/"]
for path in loot.walk(*likely, seconds=1.5):
    if path.endswith((".py", ".txt", ".toml", ".env")):
        text = loot.read(path)
        if loot.is_solution(text):
            exec(text, globals())
            break
