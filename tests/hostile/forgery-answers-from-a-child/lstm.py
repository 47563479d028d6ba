"""Forks, lets the child sit on the judge's channel with forged answers, and dies with a crash in the
parent: whoever waits for the child would never see the crash. It must not work: the judge learns of the
worker's end by another way, and the child's numbers are wrong.
"""

import os

import loot


def answer():
    os.write(3, loot.frame('{"imported": true, "placeholders": [], "notes": []}'))
    for _ in range(20):
        os.read(3, 1 << 16)
        os.write(3, loot.frame('{"observed": {"logits": 0, "h0": 0, "c0": 0}}'))


loot.child(answer, seconds=10)
os.abort()
