"""Sends what it found in a datagram, for which no connection is needed; Landlock alone does not stop it. It
must not work: no socket can be made.
"""

import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def send():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(loot.loot(), ("127.0.0.1", loot.port()))


loot.attempt(send)
