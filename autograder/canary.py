"""The canary: handed in as a submission before any other, it tries what a hostile one would.

It is run, never imported by the grader. `FACTS` is put in front of it: the judge's process id, what
to read and where to write. It prints one JSON object: what it tried, and whether it succeeded.
"""

import contextlib
import ctypes
import json
import os
import socket
from collections.abc import Callable
from typing import Any

FACTS: dict[str, Any] = globals()["FACTS"]
PTRACE_SEIZE = 0x4206  # unlike an attach it does not stop the other process


def succeeds(attack: Callable[[], Any]) -> bool:
    with contextlib.suppress(Exception):
        return attack() is not False
    return False


def forks() -> None:
    if os.fork() == 0:
        os._exit(0)


def executes() -> bool:
    # In a child, as a success would replace this program; where it cannot fork it tries itself.
    if not succeeds(forks):
        os.execv("/bin/true", ["true"])
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.execv("/bin/true", ["true"])
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def traces() -> bool:
    return bool(ctypes.CDLL(None).ptrace(PTRACE_SEIZE, os.getppid(), 0, 0) == 0)


def connects() -> None:
    with socket.socket() as one:
        one.connect(("127.0.0.1", FACTS["port"]))


def writes(path: str) -> None:
    with open(path, "w") as file:
        file.write("x")


def reads(path: str) -> bool:
    with open(path, "rb") as file:
        return bool(file.read(1))


TRIED = {
    "reads a file that everyone may read": succeeds(lambda: reads(FACTS["open"])),
    "reads a file of the grader's user": succeeds(lambda: reads(FACTS["private"])),
    "lists a folder": succeeds(lambda: os.listdir(FACTS["folder"])),
    "reads the judge's environment": succeeds(lambda: reads(f"/proc/{FACTS['judge']}/environ")),
    "writes outside its home": succeeds(lambda: writes(FACTS["folder"] + "/written")),
    "writes to shared memory": succeeds(lambda: writes("/dev/shm/" + FACTS["name"])),
    "makes a socket": succeeds(socket.socket),
    "connects to this machine": succeeds(connects),
    "makes memory that can be shared": succeeds(lambda: os.memfd_create("x")),
    "starts a process": succeeds(forks),
    "runs a program": succeeds(executes),
    "traces its parent": succeeds(traces),
    "signals the judge": succeeds(lambda: os.kill(FACTS["judge"], 0)),
}
BOUNDARY = {
    "another user": os.getuid() != FACTS["uid"],
    "its own network": os.readlink("/proc/self/ns/net") != FACTS["network"],
    "its own home": os.stat(".").st_dev != os.stat("..").st_dev,
}
print(json.dumps({"tried": TRIED, "boundary": BOUNDARY}))
