"""Sends the answers to all checks with the import's reply, before they are asked, and then falls silent. It
must not work: they are wrong, whenever they come.
"""

import os
import time

import loot

os.write(3, loot.frame('{"imported": true, "placeholders": [], "notes": []}'))
for _ in range(30):
    os.write(3, loot.frame('{"observed": {"logits": null, "h0": null, "c0": null}}'))
time.sleep(60)
