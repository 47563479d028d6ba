"""Prints without end, from Python, from a child and past Python's own buffers. A grader that keeps it all
runs out of memory, and one that does not read it hangs. It must not work: 64 KiB are kept, and time is up.
"""

import os

while True:
    os.write(1, b"all work and no play makes a dull grader\n" * 1000)
    print("\0\x1b[31m\xff" * 10_000)
