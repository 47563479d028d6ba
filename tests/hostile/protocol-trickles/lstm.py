"""Sends a good frame one byte every tenth of a second: as something always arrives, a deadline that starts
anew with each byte never comes. It must not work: there is one deadline for the whole answer.
"""

import os
import time

import loot

for byte in loot.frame('{"imported": true, "placeholders": [], "notes": []}' + 900 * " "):
    os.write(3, bytes([byte]))
    time.sleep(0.1)
