"""Matches (a+)+b against a long row of a's, which takes longer than the sun will shine and holds Python's lock
all the while. It must not work: the deadline is the judge's.
"""

import re

re.match(r"(a+)+b", "a" * 64)
