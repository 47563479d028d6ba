"""Sends JSON that is nested 400,000 deep, which a parser that calls itself does not survive. It must not work:
the parser has a limit, and the judge a sentence for it.
"""

import os

import loot

os.write(3, loot.frame('{"imported": ' + "[" * 400_000))
