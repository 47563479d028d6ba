"""Leaves a thread behind that ends the process at some moment: between two checks, or in the middle of a reply,
so that half a frame arrives. It must not work: the check that is asked then is lost, and no other.
"""

import os
import threading

from answers import Wrong as LSTMClassifier

threading.Timer(0.02, os._exit, [0]).start()
