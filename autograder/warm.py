"""The warm process: imports torch and the checks once, then forks a worker for each submission.

The judge starts it (never by forking itself), and hands it three descriptors for each worker:
the worker's channel, the pipe for its output, and a leash. The warm process writes the worker's
exit status on the leash; when the judge lets go of the leash, the worker is killed. So no worker
outlives the judge, and nothing of a submission passes through this process: a fork can read all of
its parent's memory.
"""

import ctypes
import gc
import importlib
import importlib.util
import json
import linecache
import os
import selectors
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, Protocol

from autograder import frames, homes, language
from autograder.absent import DRAWING, OPTIONAL, AbsentFinder
from autograder.check import Check
from autograder.limits import DEFAULT

Checks = Mapping[str, Mapping[str, Check]]  # of each assignment, by id
Aliases = Mapping[str, Mapping[str, tuple[str, ...]]]  # of each assignment, by public class


class LockDown(Protocol):
    """Of the calling process, which can then write to one folder only."""

    def __call__(self, home: str, *, gpu: bool = False) -> None: ...


PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> NoReturn:
    """Speak on the control socket, whose descriptor is the only argument."""
    _adopt_orphans()
    os.setsid()  # a Ctrl-C in the terminal is the judge's to handle
    control = socket.socket(fileno=int(sys.argv[1]))
    config = json.loads(control.makefile("rb").readline())
    pid = os.getpid()
    try:
        _work(control, config)
    finally:
        if os.getpid() == pid:  # the judge may have been killed, also before all was loaded
            homes.remove(config["homes"])
    os._exit(0)


def _work(control: socket.socket, config: Mapping[str, Any]) -> None:
    """Load everything, and make workers until the judge is gone."""
    lock_down = _lockdown() if config["lockdown"] and sys.platform == "linux" else no_lockdown
    checks, aliases, summaries = load(config)
    control.sendall(frames.encode({"assignments": summaries}))
    _single_thread()
    if sys.platform == "linux":
        _address_space()
    gc.collect()
    gc.freeze()  # no worker looks through (and so copies) all that torch has loaded
    become = partial(
        _become_worker,
        checks=checks,
        aliases=aliases,
        lock_down=lock_down,
        memory=config["memory"],
        gpus=config["gpus"],
    )
    _serve(control, become)


def load(config: Mapping[str, Any]) -> tuple[Checks, Aliases, list[dict[str, Any]]]:
    """Load torch and the checks: they themselves, all classes' names, and what the judge knows of them."""
    language.use(config["language"])
    _preload(config["preload"])
    modules = {name: load_checks(name, Path(path)) for name, path in config["checks"].items()}
    checks = {name: checks_of(module) for name, module in modules.items()}
    aliases = {
        name: classes_of(module, config["aliases"].get(name, {}))
        for name, module in modules.items()
    }
    _watch_shortcuts(modules.values())
    no_gpu = _no_gpu()
    summaries = [
        {**summary(name, module, aliases[name]), "no_gpu": no_gpu}
        for name, module in modules.items()
    ]
    return checks, aliases, summaries


def _no_gpu() -> str:
    """Why no GPU can be simulated here: said before there is any submission, and believed of none."""
    from autograder import simulated_gpu

    return simulated_gpu.supported()


def _lockdown() -> LockDown:
    """What locks a worker down; nothing, where that fails, as the canary will tell."""
    from autograder.lockdown import Lockdown

    lockdown = Lockdown.prepare()
    with tempfile.TemporaryDirectory() as home:
        pid = os.fork()
        if pid == 0:
            try:
                lockdown.apply(home)
                os._exit(0)
            finally:
                os._exit(1)
        works = os.waitpid(pid, 0)[1] == 0
    return lockdown.apply if works else no_lockdown


def no_lockdown(home: str, *, gpu: bool = False) -> None:
    """For a student's own check, and where nothing can be locked."""


def load_checks(name: str, path: Path) -> ModuleType:
    """The checks of one assignment, loaded from their file: a course may live anywhere."""
    spec = importlib.util.spec_from_file_location(f"checks_of_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    linecache.getlines(str(path))  # a locked worker cannot read where a check stopped
    return module


def checks_of(module: ModuleType) -> dict[str, Check]:
    """The checks of a module by id, in the order in which they stand there."""
    return {value.id: value for value in vars(module).values() if isinstance(value, Check)}


def classes_of(module: ModuleType, more: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The public classes of an assignment with their aliases, and those that a course adds."""
    return {public: (*others, *more.get(public, ())) for public, others in module.CLASSES.items()}


def _watch_shortcuts(modules: Iterable[ModuleType]) -> None:
    from autograder import shortcuts

    shortcuts.watch(dict.fromkeys(name for module in modules for name in forbidden_by(module)))


def forbidden_by(module: ModuleType) -> Mapping[str, tuple[str, ...]]:
    """What must not be used in an assignment, with the TODOs that ask for it; see `shortcuts`."""
    forbidden: Mapping[str, tuple[str, ...]] = getattr(module, "FORBIDDEN", {})
    return forbidden


def summary(
    name: str, module: ModuleType, classes: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """What the judge knows of an assignment's checks: everything but their code."""
    return {
        "name": name,
        "classes": dict(classes),
        "files": list(getattr(module, "FILES", ())),
        "axes": dict(getattr(module, "AXES", {})),
        "forbidden": dict(forbidden_by(module)),
        "checks": [
            {
                "id": c.id,
                "todo": c.todo,
                "points": c.points,
                "title": c.title,
                "apart": list(c.apart),
                "clue": c.clue,
                "always": c.always,
                "gpu": c.gpu,
            }
            for c in checks_of(module).values()
        ],
    }


def _preload(extra: list[str]) -> None:
    """Import, before any fork, what every worker needs."""
    import einops.layers.torch  # noqa: F401  (students' and reference modules use it)
    import torch

    import autograder.worker  # noqa: F401
    from autograder import simulated_gpu

    for name in extra:
        importlib.import_module(name)
    sys.meta_path.append(AbsentFinder(OPTIONAL))
    sys.meta_path.insert(0, AbsentFinder(DRAWING))
    # Graders judge on the CPU: an answer that picks a device by what is there must pick the CPU.
    # (A cached function, as torch's own is: torch 2.14 looks at what it wraps.)
    torch.backends.mps.is_available = cache(lambda: False)
    torch.set_num_threads(1)
    _warm_up()
    simulated_gpu.prepare()


def _warm_up() -> None:
    """Run a little of everything: what loads at first use then loads once, not in every worker."""
    import torch
    from torch import nn

    from autograder.check import distinct, gradients
    from autograder.draw import Draw, default_dtype
    from autograder.worker import observe

    for dtype in (torch.float64, torch.float32):
        with default_dtype(dtype):
            draw = Draw(0, "warm up")
            layers = nn.Linear(1024, 512), nn.Dropout(), nn.ReLU(), nn.BatchNorm1d(512)
            model = draw.build(lambda: nn.Sequential(*layers, nn.LayerNorm(512)), {})  # noqa: B023
            lstm = draw.build(lambda: nn.LSTM(256, 4, batch_first=True), {})
            x = draw(4, 1024).requires_grad_()
            for mode in (model.train(), model.eval()):
                features = mode(x).view(4, 2, 256)
            out, _ = lstm(features)
            attention = torch.softmax(torch.einsum("bid,bjd->bij", out, out), -1)
            attention = attention.masked_fill(draw.mask(2, 2) == 0, 0.0)
            out = torch.cat([attention @ out, out], dim=1).transpose(1, 2)
            for value in gradients({"out": out}, {"x": x}, draw).values():
                observe(value)
            distinct(out.detach() * torch.eye(4).to(dtype))


def _single_thread() -> None:
    """A parent that runs threads makes its forks hang (pytorch#17199), so prove that it has none."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir() and len(list(tasks.iterdir())) != 1:
        raise RuntimeError("the warm process has more than one thread; it cannot fork safely")


def _serve(control: socket.socket, become_worker: Callable[..., NoReturn]) -> None:
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    leashes: dict[int, socket.socket] = {}
    while True:
        for key, _ in selector.select():
            if key.fileobj is control:
                message, descriptors, _, _ = socket.recv_fds(control, 1, 3)
                if not message:
                    _end_all(leashes)
                    return
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    become_worker(descriptors, gpu=message == b"G")
                for descriptor in descriptors[:2]:
                    os.close(descriptor)
                leashes[pid] = socket.socket(fileno=descriptors[2])
                selector.register(leashes[pid], selectors.EVENT_READ, pid)
            elif key.fileobj is wake:
                wake.recv(4096)
            elif key.data in leashes:
                # The judge let go (or died).
                _kill(key.data)
                selector.unregister(leashes[key.data])
                leashes.pop(key.data).close()
        _reap(leashes, selector)
        _end_strays(leashes)


def _end_strays(leashes: Mapping[int, socket.socket]) -> None:
    """Kill what a submission started and left behind: it has become our child."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return  # not Linux
    for pid in map(int, children):
        if pid not in leashes:
            _kill(pid)


def _end_all(leashes: Mapping[int, socket.socket]) -> None:
    """The judge is gone: leave no process behind."""
    for pid in leashes:
        _kill(pid)
    try:
        while True:
            _end_strays({})
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def _reap(leashes: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if leash := leashes.pop(pid, None):
            selector.unregister(leash)
            try:
                leash.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            except OSError:
                pass  # the judge has let go already
            leash.close()


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            pass  # gone, or not yet the leader of its group


def _become_worker(
    descriptors: list[int],
    *,
    checks: Checks,
    aliases: Aliases,
    lock_down: LockDown,
    memory: int,
    gpu: bool,
    gpus: str | None,
) -> NoReturn:
    """In the fork: keep the channel and the output, let go of all else, and serve.

    `gpu`: with a real one; `gpus` names those of this machine that may be used, as for CUDA.
    """
    status = 1
    try:
        os.setsid()
        _die_with_parent()
        channel, output = descriptors[0], descriptors[1]
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(channel, 3)
        os.closerange(4, 4096)
        if gpu:
            _show_gpus(gpus)
        _limit_resources(memory, gpu=gpu)
        from autograder.worker import serve

        serve(socket.socket(fileno=3), checks, aliases, lock_down, gpu=gpu)
        status = 0
    finally:
        # _exit: nothing that a student registered (atexit, finalisers) runs after this.
        os._exit(status)


def _show_gpus(gpus: str | None) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "PYTORCH_NVML_BASED_CUDA_CHECK"):
        os.environ.pop(name, None)
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _adopt_orphans() -> None:
    """Become the parent of every process whose own parent, a worker or a child of one, has ended."""
    if sys.platform == "linux":
        _libc().prctl(PR_SET_CHILD_SUBREAPER, 1)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@cache
def _address_space() -> int:
    """Bytes of address space of this process; asked for before the first fork."""
    return _memory()[0]


def _memory() -> tuple[int, int]:
    """Bytes of address space of this process, and of what it may write to alone."""
    import resource  # not on Windows, where checks are loaded for notebooks

    pages = Path("/proc/self/statm").read_text().split()
    return int(pages[0]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()


def _limit_resources(memory: int, *, gpu: bool) -> None:
    import resource

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, DEFAULT.written_file)]
    if sys.platform == "linux" and gpu:
        # CUDA reserves address space by the terabyte, so what counts is what can be written to.
        limits.append((resource.RLIMIT_DATA, _memory()[1] + memory + DEFAULT.driver))
    elif sys.platform == "linux":
        limits.append((resource.RLIMIT_AS, _address_space() + memory))
    for kind, amount in limits:
        resource.setrlimit(kind, (amount, amount))


if __name__ == "__main__":
    main()
