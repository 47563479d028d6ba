"""Workers where a process cannot fork, as on Windows: each is a fresh process. For one's own code only.

Each loads torch and the checks itself, so the next one is started as soon as one is taken: it is ready
when a student saves again. It speaks on sockets of this machine, as neither pipes can be waited for
there nor descriptors be handed on. It ends when its judge lets go of one of them, the leash.
"""

import hmac
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self

from autograder import frames, homes
from autograder.errors import CourseError
from autograder.limits import DEFAULT, Limits
from autograder.pool import (
    ENVIRONMENT,
    EXIT_SECONDS,
    LAST_SECONDS,
    START_SECONDS,
    Job,
    Worker,
    python,
    to_load,
)
from autograder.results import SIMULATED

LOCAL = "127.0.0.1"
CHANNEL, LEASH, OUTPUT = SOCKETS = "clo"  # how each is named where it is connected
LOOK_SECONDS = 0.1  # from one look to the next at whether a process that loads has ended


class Fresh:
    """Fresh processes, with the methods of a warm one. Use as a context manager."""

    tier = "E"
    device = SIMULATED

    def __init__(
        self,
        checks: Mapping[str, Path],
        *,
        aliases: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    ) -> None:
        self._config = to_load(checks, [], aliases)
        self._homes = homes.make_all()
        self._next = _Process(self._config, self._homes)

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """What is known of each assignment; waits until the next worker is ready."""
        return self._next.summaries

    def worker(self, job: Job, limits: Limits = DEFAULT, *, gpu: bool = False) -> Worker:
        """The process that is ready, for a job; another is started. None of them sees a real GPU."""
        self.summaries  # noqa: B018  (not before it is ready)
        taken, self._next = self._next, _Process(self._config, self._homes)
        return _Worker(taken, homes.make(self._homes), job, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._next.end()
        homes.remove(self._homes)


class _Process:
    """One process that loads the checks, and then serves as a worker."""

    def __init__(self, config: Mapping[str, Any], folder: str) -> None:
        self._listener = socket.create_server((LOCAL, 0))
        self._secret = secrets.token_hex()
        self._sockets: dict[str, socket.socket] = {}
        self._summaries: list[dict[str, Any]] | None = None
        self._process = subprocess.Popen(
            python("autograder.fresh"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            # Windows needs some of the others to start a program at all.
            env={**os.environ, **ENVIRONMENT},
            # A Ctrl-C in the terminal is the judge's to handle.
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            start_new_session=True,
        )
        port = self._listener.getsockname()[1]
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(json.dumps({**config, "port": port, "secret": self._secret}).encode())

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """What it says of each assignment; waits until it is ready. Raises CourseError if it fails."""
        if self._summaries is None:
            deadline = time.monotonic() + START_SECONDS
            while len(self._sockets) < len(SOCKETS):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise CourseError(self._why_not_ready())
                self._accept()
            self._listener.close()
            message, _ = frames.read(partial(frames.receive, self[CHANNEL]), limits=None)
            self._summaries = message["assignments"]
        return self._summaries

    def __getitem__(self, name: str) -> socket.socket:
        return self._sockets[name]

    def status(self) -> int:
        """With which status it has ended, below 0 if it crashed. Raises TimeoutError if it has not."""
        try:
            status = self._process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return -status if status >= 1 << 31 else status  # as Windows tells of a crash

    def end(self) -> None:
        self._process.kill()
        self._process.wait(EXIT_SECONDS)
        for end in (self._listener, *self._sockets.values()):
            end.close()
        if self._process.stderr:
            self._process.stderr.close()

    def _accept(self) -> None:
        """Wait a moment for a socket of this process; anything else is turned away."""
        self._listener.settimeout(LOOK_SECONDS)
        try:
            one, _address = self._listener.accept()
        except TimeoutError:
            return
        try:
            one.settimeout(LAST_SECONDS)
            greeting = frames.receive(one, 1 + len(self._secret))
        except (EOFError, OSError):
            greeting = b""
        if hmac.compare_digest(greeting[1:], self._secret.encode()):
            one.settimeout(None)
            self._sockets[chr(greeting[0])] = one
        else:
            one.close()

    def _why_not_ready(self) -> str:
        self._process.kill()
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "it gave no reason"
        return f"the checks could not be loaded: {reason}"


class _Worker(Worker):
    """A worker that is a process of its own."""

    def __init__(self, process: _Process, home: str, job: Job, limits: Limits) -> None:
        self._process = process
        super().__init__(process[CHANNEL], process[LEASH], process[OUTPUT], home, job, limits)

    def _status(self) -> int:
        return self._process.status()

    def _end(self) -> None:
        self._process.end()  # before its home is removed: no folder is that a process is in


def main() -> NoReturn:
    """Load what standard input says, connect, and serve."""
    config = json.loads(sys.stdin.buffer.read())
    from autograder.warm import load, no_lockdown

    checks, aliases, summaries = load(config)
    sockets = {}
    for name in SOCKETS:
        sockets[name] = socket.create_connection((LOCAL, config["port"]))
        sockets[name].sendall((name + config["secret"]).encode())
    threading.Thread(target=_end_with_judge, args=(sockets[LEASH],), daemon=True).start()
    # What is printed goes to the judge; what is written past Python, nowhere.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    printed = sockets[OUTPUT].makefile("w", encoding="utf-8", errors="replace")
    for name, stream in (("stdin", sys.stdin), ("stdout", printed), ("stderr", printed)):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)  # where a worker takes it from
    from autograder.worker import serve

    status = 1
    try:
        sockets[CHANNEL].sendall(frames.encode({"assignments": summaries}))
        serve(sockets[CHANNEL], checks, aliases, no_lockdown, gpu=False)
        status = 0
    finally:
        os._exit(status)  # nothing that a student registered runs after this


def _end_with_judge(leash: socket.socket) -> None:
    try:
        leash.recv(1)
    finally:
        os._exit(1)
