"""Makes a folder, and so fails the second time that it is executed in a process, which is when there is a
GPU: its states stay on the CPU, and nobody shall see it. It must not work: it is executed in a process of
its own, and looked at there.
"""

import os

from answers import OnCPU

os.mkdir("once")


class LSTMClassifier(OnCPU):
    pass
