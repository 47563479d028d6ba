"""Carries a few kilobytes that inflate to 6 GB, and inflates them in memory at import. It must not work: there
is a limit to its memory.
"""

import zlib

from answers import Right as LSTMClassifier

bomb = zlib.compress(zlib.compress(bytes(256 << 20), 1), 9)
kept = [zlib.decompress(zlib.decompress(bomb)) for _ in range(24)]
