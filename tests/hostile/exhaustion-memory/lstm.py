"""Takes memory until there is none, up to 6 GB, and touches it: the machine would swap, and another process
be killed for it. It must not work: its address space has a limit.
"""

from answers import Right as LSTMClassifier

kept = [bytearray(1 << 30) for _ in range(6)]
for one in kept:
    one[::4096] = b"x" * (1 << 18)
