"""Lets curl, bash and another Python make the connection, in case only this process was locked in. It must
not work: no program can be started, and one that was would inherit every limit.
"""

import subprocess
import sys

import loot
from answers import Right as LSTMClassifier

loot.look_around()
code = f"import socket; socket.create_connection(('127.0.0.1', {loot.port()})).sendall({loot.loot()!r})"
for command in (
    [sys.executable, "-I", "-S", "-c", code],
    ["bash", "-c", f"echo loot > /dev/tcp/127.0.0.1/{loot.port()}"],
    ["curl", "-sm1", f"http://127.0.0.1:{loot.port()}/"],
):
    try:
        subprocess.run(command, timeout=1, capture_output=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(type(error).__name__)
