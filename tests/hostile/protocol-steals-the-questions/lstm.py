"""Reads the judge's questions from the channel in a thread before the worker sees them, to learn the seed and
what will be asked, and answers as it likes. It must not work: knowing the question is not knowing the answer.
"""

import os
import threading

import loot


def steal():
    while data := os.read(3, 1 << 16):
        print(data)
        os.write(3, loot.frame('{"observed": {"logits": 1.5, "h0": true}}'))


os.write(3, loot.frame('{"imported": true, "placeholders": [], "notes": []}'))
threading.Thread(target=steal, daemon=True).start()
threading.Event().wait()
