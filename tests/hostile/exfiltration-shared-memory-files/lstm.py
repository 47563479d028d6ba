"""Writes to /dev/shm, directly and with multiprocessing's shared memory, which outlives the process. It must
not work: it is not there, or its own, or closed.
"""

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def share():
    from multiprocessing import resource_tracker, shared_memory

    resource_tracker.register = lambda *a: None  # or it would be cleared up
    kept = shared_memory.SharedMemory("autograder-hostile-memory", create=True, size=4096)
    kept.buf[:4] = b"loot"


loot.attempt(lambda: open("/dev/shm/autograder-hostile", "wb").write(loot.loot()), share)
