"""Lets other programs do the reading: cat, find and grep, started by subprocess, os.system and posix_spawn. A
lockdown of Python alone would miss it. It must not work: nothing can be executed, and a program that was
could read no more.
"""

import os
import subprocess

import loot
from answers import Thief as LSTMClassifier

search = ["grep", "-rhaoE", "SECRET-[a-z]+-[0-9a-f]{16}", loot.PRECIOUS]
loot.attempt(
    lambda: loot.keep(subprocess.run(search, capture_output=True, timeout=1).stdout),
    lambda: os.system(f"cat {loot.PRECIOUS}/token.txt"),
    lambda: os.waitpid(os.posix_spawn("/bin/cat", ["cat", f"{loot.PRECIOUS}/token.txt"], {}), 0),
    lambda: loot.keep(os.popen(f"cat {loot.PRECIOUS}/*").read().encode()),
)
