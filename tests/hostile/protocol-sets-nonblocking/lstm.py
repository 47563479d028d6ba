"""Makes the channel, which it shares with nobody but the judge's other end, non-blocking and sends urgent data
on it. The answer is right. It must not work: at worst it loses its own reply.
"""

import os
import socket

from answers import Right as LSTMClassifier

os.set_blocking(3, False)
with socket.socket(fileno=os.dup(3)) as channel:
    try:
        channel.send(b"!", socket.MSG_OOB)
    except OSError as error:
        print(error)
