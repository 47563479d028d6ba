"""The isolation tier, as a canary proves it: by what it cannot do, not by what was configured.

A: everything. B: the files and calls of a locked worker, another user, but no namespaces.
C: another user and refused calls, but files that everyone may read can be read. D: files and calls,
but the grader's own user. E: a separate process with limits, and no more.
"""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from autograder.errors import UsageError
from autograder.pool import Job, Warm

TIERS = "ABCDE"
FILES = (
    "reads a file that everyone may read",
    "reads a file of the grader's user",
    "lists a folder",
    "reads the judge's environment",
    "writes outside its home",
    "writes to shared memory",
)
PRIVATE = ("reads a file of the grader's user", "reads the judge's environment")


def prove(warm: Warm) -> str:
    """Hand in the canary -> the tier that it proves."""
    if sys.platform != "linux":
        return "E"
    with tempfile.TemporaryDirectory(prefix="canary-") as folder, socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        facts = {
            "open": f"{folder}/open/file",
            "private": f"{folder}/private",
            "folder": f"{folder}/open",
            "name": Path(folder).name,
            "judge": os.getpid(),
            "uid": os.getuid(),
            "network": os.readlink("/proc/self/ns/net"),
            "port": listener.getsockname()[1],
        }
        os.chmod(folder, 0o755)
        Path(folder, "open").mkdir()
        Path(folder, "open").chmod(0o777)
        Path(folder, "open", "file").write_text("secret")
        Path(folder, "private").write_text("secret")
        Path(folder, "private").chmod(0o600)
        source = Path(__file__).with_name("canary.py").read_text("utf-8")
        text = f"FACTS = {facts!r}\n{source}"
        name = str(warm.summaries[0]["name"]) if warm.summaries else ""
        worker = warm.worker(Job(name, "canary.py", {"canary.py": text.encode()}))
        worker.close()
        Path("/dev/shm", facts["name"]).unlink(missing_ok=True)
    try:
        found = json.loads(worker.printed)
    except ValueError:
        return "E"  # it could not even be run in a locked worker
    return tier(found["tried"], found["boundary"])


def tier(tried: Mapping[str, bool], boundary: Mapping[str, bool]) -> str:
    """The tier of what the canary tried (and whether it succeeded) and of what is its own."""
    files = not any(tried[what] for what in FILES)
    private = not any(tried[what] for what in PRIVATE)
    calls = not any(succeeded for what, succeeded in tried.items() if what not in FILES)
    if not calls or not private:
        return "E"
    if files:
        if boundary["its own network"] and boundary["its own home"]:
            return "A"
        return "B" if boundary["another user"] else "D"
    return "C" if boundary["another user"] else "E"


def require(proven: str, least: str | None, *, trust: bool) -> None:
    """Raises UsageError when submissions must not be run at this tier."""
    if least and TIERS.index(proven) > TIERS.index(least):
        raise UsageError(
            f"isolation of tier {least} is asked for, and this machine gives tier {proven} "
            "(SECURITY.md); grade on Linux as root or in a container, or ask for less."
        )
    if proven == "E" and not trust:
        raise UsageError(
            "submissions cannot be isolated on this machine, so they could read and write whatever "
            "you can; grade on Linux or in a container, or add --trust if you trust whoever wrote "
            "them."
        )
