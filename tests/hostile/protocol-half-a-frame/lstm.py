"""Announces 100 bytes, sends 50 and waits: a judge that reads until all is there waits for ever. It must not
work: the deadline holds while it reads, too.
"""

import os
import time

import loot

os.write(3, loot.frame('{"imported": true, "placeholders": [], "notes": ["' + 80 * "x")[:50])
time.sleep(60)
