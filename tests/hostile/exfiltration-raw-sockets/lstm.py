"""Makes raw, packet and netlink sockets, which need rights that root has: with them it would forge packets and
read the network's settings. It must not work: neither the rights nor the calls are there.
"""

import socket

import loot
from answers import Right as LSTMClassifier

loot.look_around()


def raw():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as one:
        head = loot.port().to_bytes(2, "big") * 2 + (8 + len(loot.loot())).to_bytes(2, "big") + b"\0\0"
        one.sendto(head + loot.loot(), ("127.0.0.1", 0))


loot.attempt(
    raw,
    lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close(),
)
