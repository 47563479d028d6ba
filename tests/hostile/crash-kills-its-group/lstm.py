"""Sends SIGKILL to its whole process group, to which a careless grader would belong itself. It must not work:
a worker has a group of its own.
"""

import os
import signal

os.killpg(0, signal.SIGKILL)
