"""A submission on a machine with a GPU: executed where one is simulated (or is), and checked there.

A module may choose its device when it is executed, as in the course's notes
(`device = torch.device("cuda" if torch.cuda.is_available() else "cpu")`). So what runs on the GPU is
the same code, executed once more while the GPU is on, and kept beside the ordinary module. A real GPU
has workers of its own instead, in which all is executed with it; so has a file that can be executed only
once in a process.
"""

import io
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractContextManager,
    contextmanager,
    nullcontext,
    redirect_stderr,
    redirect_stdout,
)
from types import ModuleType
from typing import Generic, TypeVar

import torch
import torch.utils._device

from autograder import simulated_gpu
from autograder.language import _
from autograder.limits import DEFAULT

Module = TypeVar("Module", bound=ModuleType)


class RealGPU:
    """The real GPU of this process. `unusable`: why it cannot be used, in a sentence, or "".

    A submission is executed in a worker that has it, so that its module is as it is on a GPU.
    """

    def __init__(self) -> None:
        self.unusable = ""
        try:
            total = torch.cuda.mem_get_info()[1]
            torch.cuda.set_per_process_memory_fraction(min(1.0, DEFAULT.memory / total))
            x = torch.ones(4, 4, device="cuda", requires_grad=True)
            torch.autograd.backward((x @ x).sum())  # loads what torch loads at first use
            torch.cuda.synchronize()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            sentence = _("The GPU of this machine could not be used ({reason}).")
            self.unusable = sentence.format(reason=reason)

    def reset(self, rng: int) -> None:
        """What a submission may have changed of it; products are exact, as on the CPU."""
        if not self.unusable:
            torch.cuda.set_device(0)
            torch.cuda.manual_seed_all(rng)
            torch.set_autocast_enabled("cuda", False)
            torch.backends.cudnn.allow_tf32 = False


class OnRealGPU(Generic[Module]):
    """A submission on the real GPU, as `OnGPU` is one on the simulated GPU."""

    def __init__(self, gpu: RealGPU, module: Module, default: torch.device | None) -> None:
        self._gpu, self._module, self._default = gpu, module, default

    def unusable(self) -> str:
        return self._gpu.unusable

    def module(self) -> Module:
        return self._module

    @contextmanager
    def on(self) -> Iterator[None]:
        if self._default is not None:
            torch.set_default_device(self._default)
        try:
            yield
            torch.cuda.synchronize()  # what has gone wrong there is told now
        finally:
            torch.set_default_device(None)


class OnlyOnce(Exception):
    """This submission cannot be executed a second time in a process, GPU or not: that is no mistake."""


class OnGPU(Generic[Module]):
    """One submission on the GPU. `make` makes an empty module, `execute` runs the student's code in it.

    `last`: the module that was imported last before the student's own. `alone`: it is not executed
    without the GPU in this process.
    """

    def __init__(
        self,
        home: str,
        last: str,
        make: Callable[[], Module],
        execute: Callable[[Module], object],
        *,
        alone: bool = False,
    ) -> None:
        self._home, self._last, self._make, self._execute = home, last, make, execute
        self._alone = alone
        self._module: Module | None = None
        self._registered = registered()
        self._failed: BaseException | None = None
        self._default: torch.device | None = None  # the default device that the module has set
        self._helpers: dict[str, ModuleType] = {}  # modules of the student's own, as on a GPU

    def unusable(self) -> str:
        """Why no GPU can be simulated here, in a sentence; "" if one can."""
        return simulated_gpu.supported()

    def module(self) -> Module:
        """The module as it is on a GPU. Raises what its code raises there, or OnlyOnce."""
        if self._failed:
            raise self._failed
        if self._module is None:
            if not self._alone and registered() > self._registered:
                self._failed = OnlyOnce()  # operations of its own: those that run could be replaced
                raise self._failed
            try:
                self._module = self._executed(simulated_gpu.on())
            except BaseException as error:
                self._failed = error
                if not self._alone and not simulated_gpu.gave_up(error):
                    self._require_twice()
                raise
        return self._module

    def _executed(self, gpu: AbstractContextManager[None]) -> Module:
        with self._swapped(), gpu:
            module = self._make()
            limit = sys.getrecursionlimit()
            try:
                # What it prints was printed when it was executed for the first time.
                with redirect_stdout(Nowhere()), redirect_stderr(Nowhere()):
                    self._execute(module)
            finally:
                sys.setrecursionlimit(limit)  # nothing of ours runs under a student's
            self._default = default_gpu()
            return module

    def _require_twice(self) -> None:
        """One that makes a folder, say, fails the second time with a GPU and without."""
        try:
            self._executed(nullcontext())
        except BaseException:
            self._failed = OnlyOnce()
            raise self._failed from None

    @contextmanager
    def on(self) -> Iterator[None]:
        """While it is on, there is a GPU, for this submission."""
        with self._swapped(), simulated_gpu.on():
            if self._default is not None:
                torch.set_default_device(self._default)
            yield

    @contextmanager
    def _swapped(self) -> Iterator[None]:
        """The student's helper modules are those of the GPU: they may choose a device as well."""
        ordinary = self._take_helpers()
        sys.modules.update(self._helpers)
        try:
            yield
        finally:
            self._helpers = self._take_helpers()
            sys.modules.update(ordinary)

    def _take_helpers(self) -> dict[str, ModuleType]:
        place = self._home + os.sep
        # Backwards: to look at the hundreds before would copy their memory, which is the warm process's.
        new = list(itertools.takewhile(lambda name: name != self._last, reversed(sys.modules)))
        files = {name: getattr(sys.modules[name], "__dict__", {}).get("__file__") for name in new}
        return {
            name: sys.modules.pop(name)
            for name, file in files.items()
            if isinstance(file, str) and file.startswith(place)
        }


def registered() -> int:
    """How many operations in Python were registered with torch, by whom ever."""
    return sum(len(getattr(torch.library, name, ())) for name in ("_defs", "_impls"))


def default_gpu() -> torch.device | None:
    """The device that tensors are made on by default now, if that is a GPU."""
    default = torch.utils._device.CURRENT_DEVICE
    return default if default is not None and default.type == "cuda" else None


class Nowhere(io.TextIOBase):
    """Where everything can be written, and nothing is kept."""

    def write(self, text: str) -> int:
        return len(text)
