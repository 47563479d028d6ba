"""Waits inside C code that holds Python's global lock, so that no Python in the process can interrupt it. A
deadline kept by a thread or a signal handler of the worker would never fire. It must not work: the judge
keeps it, in another process.
"""

import ctypes

ctypes.PyDLL(None).sleep(30)
