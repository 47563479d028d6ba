"""Sets limits of its own that end it: a second of processor time, no memory, no file. How it then dies differs
from machine to machine. It must not work: any death is a verdict, and its own.
"""

import resource

resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
while True:
    pass
