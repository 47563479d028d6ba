"""Stops itself, so that it neither runs nor ends: who waits for its end waits for ever. It must not work: the
deadline passes, and SIGKILL ends what is stopped as well.
"""

import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
