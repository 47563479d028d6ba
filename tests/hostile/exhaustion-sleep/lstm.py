"""Sleeps for an hour at import, and again whenever it is woken. It must not work: the import has a deadline."""

import time

while True:
    try:
        time.sleep(3600)
    except BaseException:
        pass
