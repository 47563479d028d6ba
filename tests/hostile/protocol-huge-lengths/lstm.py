"""Announces 2^64 - 1 bytes of tensors, for which a judge that trusts the number makes room. It must not work:
a length over the limit is refused before anything is read.
"""

import os
import time

os.write(3, b"\xff" * 12 + bytes(1000))
time.sleep(60)
