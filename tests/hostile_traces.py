"""What attacks leave behind: connections, processes, files, shared memory. Found, and then removed."""

import contextlib
import ctypes
import re
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.conftest import REPOSITORY

# The attacks know these names.
PORT, LOOT = Path("/tmp/autograder-hostile-port"), Path("/tmp/autograder-hostile-loot")
PRECIOUS = Path("/tmp/autograder-hostile-precious")
SHARED_KEY, QUEUE = 0x41474854, b"/autograder-hostile"
TRACES: list[str | Path] = [
    *("/tmp", "/var/tmp", "/run", "/dev/shm", "/dev/mqueue", Path.home()),
    *(sysconfig.get_path("purelib"), REPOSITORY / "autograder"),
]
SUBREAPER = 36  # of prctl: who has lost its parent becomes a child of this process


def listen() -> dict[str, socket.socket]:
    """Sockets of every kind that an attack may send to; what comes waits in their queues."""
    sockets = {
        "tcp": socket.socket(socket.AF_INET),
        "udp": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "unix": socket.socket(socket.AF_UNIX),
        "abstract": socket.socket(socket.AF_UNIX),
    }
    (PRECIOUS / "socket").unlink(missing_ok=True)
    sockets["tcp"].bind(("127.0.0.1", 0))
    sockets["udp"].bind(sockets["tcp"].getsockname())
    sockets["unix"].bind(str(PRECIOUS / "socket"))
    sockets["abstract"].bind(b"\0autograder-hostile")
    for kind, one in sockets.items():
        one.setblocking(False)
        if kind != "udp":
            one.listen(64)
    PORT.write_text(str(sockets["tcp"].getsockname()[1]))
    return sockets


def who_connected(listeners: dict[str, socket.socket]) -> list[str]:
    came = []
    for kind, one in listeners.items():
        with one, contextlib.suppress(BlockingIOError):
            while True:
                data = one.recv(99) if kind == "udp" else one.accept()[0].close()
                came.append(f"{kind} {data!r}")
    return came


@contextlib.contextmanager
def orphans_come_here() -> Iterator[list[str]]:
    """What still runs some seconds after the block, of all that was started in it; none stays."""
    libc = ctypes.CDLL(None)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    survivors: list[str] = []
    libc.prctl(SUBREAPER, 1)
    try:
        yield survivors
    finally:
        survivors += who_survived(before)
        libc.prctl(SUBREAPER, 0)


def who_survived(before: set[int]) -> list[str]:
    """The processes that are there a few seconds later; none stays after this."""
    deadline, alive = time.monotonic() + 5, []
    while time.monotonic() < deadline:
        children = psutil.Process().children(recursive=True)
        alive = [c for c in children if c.pid not in before and c.status() != psutil.STATUS_ZOMBIE]
        if not alive:
            break
        time.sleep(0.1)
    found = [f"{child.pid} {child.cmdline()}" for child in alive]
    for child in alive:
        child.kill()
    return found


def homes(temporary: Path) -> list[str]:
    """The homes of workers; not what a submission put in the place of one, or beside it."""
    folders = [path.name for path in temporary.iterdir() if path.is_dir() and not path.is_symlink()]
    return [name for name in folders if re.fullmatch(r"submissions?-[^-]+", name)]


def what_is_left(temporary: Path) -> list[str]:
    """Files, shared memory, queues and keys by the attacks' names; all but `temporary` are removed."""
    planted = {PRECIOUS, PORT, LOOT}
    files = [f for folder in TRACES for f in Path(folder).glob("autograder[-_]hostile*")]
    found = [str(file) for file in files if file not in planted]
    if found:
        subprocess.run(["rm", "-rf", *found], check=False)
    found += [path.name for path in temporary.iterdir() if path.name not in homes(temporary)]
    for kind in ("shm", "sem", "msg"):
        table = Path("/proc/sysvipc") / kind
        if table.is_file() and re.search(rf"^\s*{SHARED_KEY}\s", table.read_text(), re.M):
            found.append(f"System V {kind}")
    key = str(SHARED_KEY)
    subprocess.run(["ipcrm", "-M", key, "-S", key, "-Q", key], capture_output=True, check=False)
    if ctypes.CDLL(None).mq_unlink(QUEUE) == 0:
        found.append("a message queue")
    keys = Path("/proc/keys")
    if keys.is_file() and "autograder-hostile" in keys.read_text():
        found.append("a key in the kernel's keyring")
    return found
