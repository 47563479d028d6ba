"""Sends a reply in the name of another student, so that this one's zero lands in their line. It must
not work: whose worker it is is known from the socket that it came from.
"""

import os

import loot

NAME = '"submission": "kim_minjun", "name": "kim_minjun", "assignment": "lstm"'
os.write(3, loot.frame(f'{{"imported": true, "placeholders": ["h0_c0"], "notes": [], {NAME}}}'))
os.write(3, loot.frame(f'{{"observed": {{"h0": 0}}, {NAME}, "score": 0}}'))
