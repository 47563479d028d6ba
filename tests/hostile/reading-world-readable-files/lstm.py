"""Reads what lies about in /tmp, /var/tmp, /var/log and /etc with permissions for everybody. Dropping the
user does not help against this. It must not work: the worker's view of the disk does not include them.
"""

import loot
from answers import Thief as LSTMClassifier

for path in loot.walk(loot.PRECIOUS, "/var/tmp", "/etc", "/var/log", "/tmp", seconds=1):
    loot.read(path)
