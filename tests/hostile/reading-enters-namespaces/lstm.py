"""Joins the namespaces of the first process and of the judge, if it was put into its own, and looks at the
files there. It must not work: setns needs rights that are gone, and the descriptors cannot be opened.
"""

import os

import loot
from answers import Thief as LSTMClassifier

for pid in [*loot.ancestors(), 1]:
    for kind in ("user", "pid", "ipc", "net", "mnt"):
        try:
            number = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
            loot.libc.setns(number, 0)
            os.close(number)
        except OSError:
            pass
    loot.read(f"{loot.PRECIOUS}/token.txt")
