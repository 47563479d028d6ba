"""Sends hundreds of open descriptors over the channel along with its bytes. A judge that accepts them runs out
of its own, or opens what it should not. It must not work: it receives bytes, and the kernel drops the rest.
"""

import array
import os
import socket

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        with socket.socket(fileno=os.dup(3)) as channel:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 250))]
            channel.sendmsg([b"\0"], rights)
        return super().forward(x)
