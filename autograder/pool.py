"""The judge's side of the workers: start the warm process, ask a worker, notice how it died.

A `Worker` is asked one thing at a time, each with a deadline. Whatever happens instead of an answer
becomes a `Died` observation with the verdict that the results use for it.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from autograder import frames, homes, language
from autograder.errors import AutograderError, CourseError, GraderError, UsageError
from autograder.language import _
from autograder.limits import DEFAULT, GIB, Limits
from autograder.notes import sentences
from autograder.noticed import Noticed, Spot
from autograder.observation import Arrays, Died, Observation, Raised, unpack
from autograder.results import SIMULATED

START_SECONDS = 120  # a cold disk can take long to read torch
EXIT_SECONDS = 10  # for the warm process and its workers
LAST_SECONDS = 3  # from the last word of a worker to its exit status
LOOK_SECONDS = 0.5  # from one look at what a submission writes to the next

ENVIRONMENT = {  # of every process that runs checks
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Answers are judged on the CPU; one that picks a GPU where there is one is right.
    "CUDA_VISIBLE_DEVICES": "",
}


@dataclass(frozen=True)
class Job:
    """One submission's files for one assignment, as bytes; `main` is the one to import.

    `on_gpu`: it is imported where the simulated GPU is, and looked at there only.
    """

    assignment: str
    main: str
    files: Mapping[str, bytes]
    on_gpu: bool = False


@dataclass(frozen=True)
class Imported:
    """The submission could be imported. `placeholders`: TODO ids that are untouched in its text."""

    placeholders: frozenset[str]
    notes: tuple[str, ...]


class Crowded(Exception):
    """A submission writes more files than it may."""


class Interrupted(AutograderError):
    """Nobody wants the answer any more, as `Warm.interrupt` has said."""


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs `main` of a module of ours.

    -I: no environment, no user site, not the current folder. Our own package last, in case it is
    not installed.
    """
    package = str(Path(__file__).resolve().parents[1])
    start = f"import sys; sys.path.append(sys.argv.pop()); from {module} import main; main()"
    return [sys.executable, "-I", "-X", "utf8", "-c", start, *arguments, package]


def to_load(
    checks: Mapping[str, Path],
    preload: Sequence[str],
    aliases: Mapping[str, Mapping[str, Sequence[str]]] | None,
) -> dict[str, Any]:
    """What a process is told that loads the checks; see `warm.load`."""
    return {
        "checks": {k: str(p) for k, p in checks.items()},
        "preload": list(preload),
        "aliases": {name: dict(classes) for name, classes in (aliases or {}).items()},
        "language": language.current(),
    }


class Workers(Protocol):
    """What gives a worker to each job: a warm process, or fresh ones where nothing can fork."""

    tier: str
    device: str

    @property
    def summaries(self) -> list[dict[str, Any]]: ...

    def worker(self, job: Job, limits: Limits = DEFAULT, *, gpu: bool = False) -> "Worker": ...


class Pipe:
    """The end of a pipe that is read, with the methods of a socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def setblocking(self, blocking: bool) -> None:
        os.set_blocking(self._descriptor, blocking)

    def recv(self, size: int) -> bytes:
        return os.read(self._descriptor, size)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Warm:
    """The warm process. Use as a context manager; `summaries` describes the checks that it holds.

    Its workers are locked down as well as this machine can. `tier` is what was proven of that, and
    `device` where checks on a GPU run: "simulated" or "real" (see `device`).
    `aliases`: of each assignment, further names of public classes than the checks know. `memory`:
    bytes that a worker may use beyond this process.
    """

    tier = "E"
    device = SIMULATED

    def __init__(
        self,
        checks: Mapping[str, Path],
        preload: Sequence[str] = (),
        *,
        aliases: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        memory: int = DEFAULT.memory,
        lockdown: bool = True,
    ) -> None:
        if not hasattr(os, "fork"):
            raise UsageError(_("this needs Linux or macOS; on Windows run it in WSL."))
        self._lock = threading.Lock()
        self._interrupted = False
        self._leashes: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                python("autograder.warm", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={
                    **ENVIRONMENT,
                    # Who has asked CUDA itself whether there is one cannot fork any more.
                    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
                    # Keep freed memory: handing it back and faulting it in again, for each large
                    # weight, would double the time of a check.
                    "MALLOC_MMAP_THRESHOLD_": str(GIB),
                    "MALLOC_TRIM_THRESHOLD_": str(GIB),
                    # Huge pages: fewer to copy at a fork, and fewer faults in the worker.
                    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
                },
            )
        self._control = ours
        self._homes = homes.make_all()
        config = {
            **to_load(checks, preload, aliases),
            "memory": memory,
            "lockdown": lockdown,
            "homes": self._homes,
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
        ours.sendall(json.dumps(config).encode() + b"\n")
        self._summaries: list[dict[str, Any]] | None = None

    @property
    def summaries(self) -> list[dict[str, Any]]:
        """What the warm process says of each assignment; waits until it is warm."""
        if self._summaries is None:
            self._control.settimeout(START_SECONDS)
            try:
                message, _ = frames.read(partial(frames.receive, self._control), limits=None)
            except (EOFError, OSError):
                raise CourseError(self._why_not_warm()) from None
            self._control.settimeout(None)
            self._summaries = message["assignments"]
        return self._summaries

    def worker(self, job: Job, limits: Limits = DEFAULT, *, gpu: bool = False) -> "Worker":
        """Fork a worker for a job; with `gpu` one that sees the real GPU, and is let through to it."""
        self.summaries  # noqa: B018  (not before it is warm)
        channel, their_channel = socket.socketpair()
        leash, their_leash = socket.socketpair()
        output, their_output = os.pipe()
        try:
            with self._lock:
                socket.send_fds(
                    self._control,
                    [b"G" if gpu else b"F"],
                    [their_channel.fileno(), their_output, their_leash.fileno()],
                )
        except OSError:
            raise GraderError("the warm process is gone; run the command again.") from None
        finally:
            their_channel.close()
            their_leash.close()
            os.close(their_output)
        with self._lock:
            self._leashes.add(leash)
        if self._interrupted:
            for end in (channel, leash):
                end.close()
            os.close(output)
            raise Interrupted
        if gpu:
            seconds = limits.import_seconds + limits.gpu_start_seconds
            limits = replace(limits, import_seconds=seconds)
        return Worker(channel, leash, Pipe(output), homes.make(self._homes), job, limits)

    def interrupt(self) -> None:
        """End every worker now, and fork no other until `go_on`: whoever asks for one is told so."""
        self._interrupted = True
        with self._lock:
            for leash in self._leashes:
                with contextlib.suppress(OSError):  # closed already
                    leash.shutdown(socket.SHUT_RDWR)

    def go_on(self) -> None:
        """Fork workers again."""
        self._interrupted = False

    def kill(self) -> None:
        """End the warm process and every worker now; whoever waits for an answer gets none."""
        if self._summaries is None:
            self._process.kill()  # still loading: there is no worker yet
        else:
            self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the warm process, and with it every worker."""
        self._control.close()
        if self._summaries is None:
            self._process.kill()  # still loading
        try:
            self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        homes.remove(self._homes)  # where it could not do that itself

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _why_not_warm(self) -> str:
        self._process.kill()
        assert self._process.stderr is not None
        lines = self._process.stderr.read().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "it gave no reason"
        return f"the checks could not be loaded: {reason}"


class Worker:
    """One worker. `imported` says how the import went; `ask` runs a check. Close it when done."""

    def __init__(
        self,
        channel: socket.socket,
        leash: socket.socket,
        output: socket.socket | Pipe,
        home: str,
        job: Job,
        limits: Limits,
    ) -> None:
        self._channel, self._leash, self._output = channel, leash, output
        self._limits = limits
        self._home = home
        self._printed = bytearray()
        self.printed_too_much = False
        self.noticed = Noticed()
        self.died: Died | None = None
        self._next_look = time.monotonic() + LOOK_SECONDS
        self._selector = selectors.DefaultSelector()
        self._selector.register(channel, selectors.EVENT_READ)
        self._selector.register(output, selectors.EVENT_READ)
        # The channel alone does not tell of its end: a child of the worker may hold it open.
        self._selector.register(leash, selectors.EVENT_READ)
        self.imported = self.load(job)

    def load(self, job: Job) -> Imported | Raised | Died:
        """Import a job's main file. Only what is trusted may follow another job in a worker."""
        message = {
            "assignment": job.assignment,
            "main": job.main,
            "files": list(job.files),
            "on_gpu": job.on_gpu,
            "home": self._home,
        }
        blobs = {
            # Zero-padded: safetensors sorts tensors of one type by name.
            f"{i:06}": np.frombuffer(data, dtype=np.uint8)
            for i, data in enumerate(job.files.values())
        }
        request = frames.encode(message, blobs)
        answer = self._exchange(request, self._limits.import_seconds, _("while importing it"))
        if isinstance(answer, Died):
            return answer
        reply, arrays = answer
        match reply:
            case {"imported": True, "placeholders": list(ids), "notes": list(codes)}:
                notes = sentences(codes, job.main)
                return Imported(frozenset(i for i in ids if isinstance(i, str)), notes)
            case {"failed": dict(failure)}:
                with contextlib.suppress(ValueError):
                    raised = unpack(failure, arrays)
                    if isinstance(raised, Raised):
                        return raised
        return self._makes_no_sense()

    def ask(
        self, check: str, seed: int, dtype: str, *, apart: bool, rng: int = 0, seconds: float
    ) -> Observation:
        """Run a check in the worker, within so many seconds."""
        if self.died:
            return self.died
        request = {"check": check, "seed": seed, "dtype": dtype, "apart": apart, "rng": rng}
        answer = self._exchange(
            frames.encode(request), seconds, _("in this check"), check, apart=apart
        )
        if isinstance(answer, Died):
            return answer
        try:
            return unpack(*answer)
        except ValueError:
            return self._makes_no_sense()

    @property
    def printed(self) -> str:
        """What the submission printed so far, cut at the limit."""
        return self._printed.decode("utf-8", "replace")

    def close(self) -> None:
        """Let go of the worker: it is killed if it still runs, and its files are removed."""
        if self.died is None:
            self._drain()
            self._look_for_early_answer()
        self._selector.close()
        self._end()
        homes.remove(self._home)

    def _end(self) -> None:
        for end in (self._channel, self._leash, self._output):
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _exchange(
        self, request: bytes, seconds: float, when: str, check: str = "", *, apart: bool = False
    ) -> tuple[dict[str, Any], Arrays] | Died:
        deadline = time.monotonic() + max(seconds, 0)
        self._look_for_early_answer()
        try:
            self._send(request, deadline)
            reply, arrays = frames.read(lambda size: self._receive(size, deadline), self._limits)
            self.noticed.add_packed(reply.pop("noticed", {}), check, apart=apart)
            return reply, arrays
        except TimeoutError:
            sentence = _("it took longer than {seconds:.2g} s {when}")
            return self._die("timeout", sentence.format(seconds=max(seconds, 0), when=when))
        except Crowded:
            sentence = _("it wrote more than {count} files {when}")
            return self._die("error", sentence.format(count=self._limits.written_files, when=when))
        except (frames.BadFrame, ValueError) as error:
            self.noticed.attempt("frame", Spot())
            sentence = _("its process sent an answer that cannot be read: {error}")
            return self._die("error", sentence.format(error=error))
        except (EOFError, OSError):
            return self._how_it_ended(when)

    def _look_for_early_answer(self) -> None:
        self._channel.setblocking(False)
        with contextlib.suppress(OSError):
            if self._channel.recv(1, socket.MSG_PEEK):
                self.noticed.attempt("early", Spot())

    def _makes_no_sense(self) -> Died:
        self.noticed.attempt("nonsense", Spot())
        return self._die("error", _("its process sent an answer that makes no sense"))

    def _send(self, data: bytes, deadline: float) -> None:
        self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
        self._channel.sendall(data)

    def _receive(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        self._channel.setblocking(False)
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            wait = min(left, LOOK_SECONDS)
            ready = [key.fileobj for key, _ in self._selector.select(wait)]
            self._look_at_files()
            if self._channel in ready:
                chunk = self._channel.recv(min(size - len(data), 1 << 20))
                if not chunk:
                    raise EOFError
                data += chunk
            elif self._leash in ready:
                raise EOFError
            if self._output in ready and not self._read_output():
                self._selector.unregister(self._output)
        return bytes(data)

    def _look_at_files(self) -> None:
        """A disk is full of files sooner than of bytes, where a home is not a disk of its own."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        if homes.crowded(self._home, self._limits.written_files):
            raise Crowded

    def _read_output(self) -> bool:
        """Take what was printed; False at its end. What is over the limit is dropped."""
        chunk = self._output.recv(1 << 16)
        room = self._limits.output - len(self._printed)
        self._printed += chunk[:room]
        self.printed_too_much |= len(chunk) > room
        return bool(chunk)

    def _drain(self) -> None:
        self._output.setblocking(False)
        with contextlib.suppress(OSError):
            while self._read_output() and not self.printed_too_much:
                pass

    def _how_it_ended(self, when: str) -> Died:
        try:
            status = self._status()
        except (OSError, ValueError):
            sentence = _("its process closed the connection {when}")
            return self._die("error", sentence.format(when=when))
        if status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = f"signal {-status}"
            sentence = _("its process was ended by {signal} {when}")
            return self._die("crashed", sentence.format(signal=name, when=when))
        sentence = _("its process exited with status {status} {when}")
        return self._die("error", sentence.format(status=status, when=when))

    def _status(self) -> int:
        """With which status it has ended. Raises OSError or ValueError if that is not known."""
        self._leash.settimeout(LAST_SECONDS)
        return int(self._leash.recv(16) or b"1")

    def _die(self, verdict: str, detail: str) -> Died:
        self._drain()
        self._leash.close()  # kills it, if it is not dead yet
        self.died = Died(verdict, detail)
        return self.died
