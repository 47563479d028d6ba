"""Makes links in its own folder, symbolic and hard, to files elsewhere, and reads them, imports them and has
the grader quote a line of them in a message. It must not work: a link leads to the file that it leads to,
and that is closed.
"""

import linecache
import os

import loot
from answers import Thief

loot.attempt(
    lambda: os.symlink(loot.PRECIOUS, "elsewhere"),
    lambda: os.link(f"{loot.PRECIOUS}/token.txt", "hard.txt"),
    lambda: os.symlink(f"{loot.PRECIOUS}/token.txt", "soft.py"),
)
for path in ("elsewhere/token.txt", "hard.txt", "soft.py"):
    loot.read(path)
linecache.cache.pop("soft.py", None)


class LSTMClassifier(Thief):
    def forward(self, x):
        exec(compile("1 / 0", os.path.abspath("soft.py"), "exec"))
