"""Posts what it found with urllib, http.client and asyncio, as a student would. It must not work, whichever
library asks: they all need a socket.
"""

import asyncio
import http.client
import urllib.request

import loot
from answers import Right as LSTMClassifier

loot.look_around()
host = f"127.0.0.1:{loot.port()}"


async def post():
    _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", loot.port()), 0.5)
    writer.write(loot.loot())


loot.attempt(
    lambda: urllib.request.urlopen(f"http://{host}/", loot.loot(), timeout=0.3),
    lambda: http.client.HTTPConnection(host, timeout=0.3).request("POST", "/", loot.loot()),
    lambda: asyncio.run(post()),
)
