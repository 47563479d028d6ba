"""Run an assignment's checks in this process, on the globals of a notebook: observations out.

For a student's own notebook, where torch is loaded already. It is a transport like a worker, without
its walls: what an answer does to the process is undone as far as possible, and nothing ends a loop.
"""

import linecache
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from types import FunctionType
from typing import Any, Protocol, cast

import numpy as np
import torch

from autograder.check import Check
from autograder.course import CheckInfo
from autograder.language import _
from autograder.observation import NotRun, Observation, Place, Raised, pack, unpack
from autograder.source import placeholders
from autograder.worker import LINE, StudentModule, run_check


class Globals:
    """The globals of a notebook as a module: what a check puts into it, the notebook's code sees."""

    __getattr__ = StudentModule.__getattr__

    def __init__(self, env: dict[str, Any]) -> None:
        self.__dict__ = env


class Noted:
    """A check's function that keeps the error in which it ended, with its traceback."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run, self.__code__ = run, run.__code__
        self.error: BaseException | None = None

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._run(*arguments)
        except BaseException as error:
            self.error = error
            raise


class Observe(Protocol):
    """Looks at a check, as `Examination.observe` does. Raises KeyboardInterrupt."""

    def __call__(self, check: CheckInfo, apart: bool, rng: int = 0, /) -> Observation: ...


@contextmanager
def observing(
    env: dict[str, Any],
    name: str,
    aliases: Mapping[str, tuple[str, ...]],
    checks: Mapping[str, Check],
    seed: int,
) -> Iterator[Observe]:
    """Lets checks be looked at in a notebook; what is done for that is undone at the end."""
    module = Globals(env)

    @cache
    def observe(check: CheckInfo, apart: bool, rng: int = 0) -> Observation:
        if check.gpu:  # what a module chooses for a GPU it chooses when its code is executed
            reason = _(
                "Save the notebook and run 'autograder check' on its file to see this as well."
            )
            return NotRun(reason)
        one = checks[check.id]
        noted = Noted(one.run)
        seen = run_check(
            replace(one, run=noted),
            cast(StudentModule, module),
            seed,
            "float64",
            apart=apart,
            rng=rng,
        )
        if isinstance(noted.error, KeyboardInterrupt):
            raise noted.error  # the student's, who has waited long enough
        if isinstance(seen, Raised) and noted.error and seen.type == type(noted.error).__name__:
            seen = replace(seen, place=_place(noted.error, env) or seen.place)
        return unpack(*pack(seen))

    lent = {
        "__file__": os.path.join(os.getcwd(), f"{name}.ipynb"),
        # Answers are judged on the CPU; one that picks a GPU where there is one is right.
        **{key: torch.device("cpu") for key, value in env.items() if _is_gpu(value)},
        **{
            public: env[found]
            for public, others in aliases.items()
            if public not in env and (found := next((o for o in others if o in env), None))
        },
    }
    before = dict(env)
    env.update(lent)
    try:
        with unchanged():
            yield observe
    finally:
        for key in lent:
            if key in before:
                env[key] = before[key]
            else:
                del env[key]


def untouched(env: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """The TODO ids whose placeholder still stands in the cells that the public classes are from."""
    classes = [env.get(n) for public, others in names.items() for n in (public, *others)]
    files = {
        method.__code__.co_filename
        for one in classes
        if isinstance(one, type)
        for method in vars(one).values()
        if isinstance(method, FunctionType)
    }
    return frozenset(placeholders("".join(linecache.getlines(file)) for file in files))


@contextmanager
def unchanged() -> Iterator[None]:
    """Afterwards all that a check sets for the whole process is as it was."""
    options = torch._tensor_str.get_printoptions()
    device, threads = torch.get_default_device(), torch.get_num_threads()
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    anomaly = torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    autocast, mkldnn = torch.is_autocast_enabled("cpu"), torch._C._get_mkldnn_enabled()
    numpy_state, python_state = np.random.get_state(), random.getstate()
    streams, depth = (sys.stdin, sys.stdout, sys.stderr), sys.getrecursionlimit()
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        stack.enter_context(torch.set_grad_enabled(torch.is_grad_enabled()))
        stack.enter_context(np.errstate())
        stack.enter_context(warnings.catch_warnings())
        stack.callback(os.chdir, os.getcwd())
        try:
            yield
        finally:
            torch.set_default_device(None if device == torch.device("cpu") else device)
            torch.set_default_dtype(dtype)
            torch.autograd.set_detect_anomaly(*anomaly)
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(precision)
            torch.set_autocast_enabled("cpu", autocast)
            torch._C._set_mkldnn_enabled(mkldnn)
            torch.set_printoptions(**options)  # type: ignore[no-untyped-call]
            if deterministic:
                torch.use_deterministic_algorithms(True, warn_only=warn_only)
            np.random.set_state(numpy_state)
            random.setstate(python_state)
            sys.setrecursionlimit(depth)
            sys.stdin, sys.stdout, sys.stderr = streams


def _is_gpu(value: object) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0] in ("cuda", "mps")
    return isinstance(value, torch.device) and value.type != "cpu"


def _place(error: BaseException, env: dict[str, Any]) -> Place | None:
    """The innermost line of the notebook's own code that an error passed through."""
    place, trace = None, error.__traceback__
    while trace:
        frame, line = trace.tb_frame, trace.tb_lineno
        if frame.f_globals is env:
            file = frame.f_code.co_filename
            place = Place(_cell(file, env), line, linecache.getline(file, line).strip()[:LINE])
        trace = trace.tb_next
    return place


def _cell(file: str, env: Mapping[str, Any]) -> str:
    """How Jupyter names the cell that a piece of code is from."""
    shell = env["get_ipython"]() if "get_ipython" in env else None
    kind, name = (shell and shell.compile.format_code_name(file)) or ("", os.path.basename(file))
    return _("cell {name}").format(name=name) if kind else name
