"""The reference and the known mistakes are examined in workers like this one, with the same parent: searches
their memory for the text between "BEGIN SOLUTION" and "END SOLUTION". It must not work: a worker cannot
open another one.
"""

import os
import re
import time

import loot
from answers import Thief as LSTMClassifier

end = time.monotonic() + 1.2
for pid in loot.processes():
    stat = loot.read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if len(stat) < 2 or int(stat[1]) != os.getppid():
        continue
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for start, size in loot.regions(pid, "[heap]", ""):
                if time.monotonic() > end:
                    break
                memory.seek(start)
                data = memory.read(size)
                loot.keep(data)
                text = re.search(rb'"""An LSTM reads[^\0]+?class LSTMClassifier[^\0]+?return logits\n', data)
                if text and b"BEGIN SOLUTION" in text[0]:
                    exec(text[0], globals())
    except (OSError, SyntaxError) as error:
        print(error)
