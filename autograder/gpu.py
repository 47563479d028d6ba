"""A submission on a machine with a GPU: executed again while one is simulated, and checked there.

A module may choose its device when it is executed, as in the course's notes
(`device = torch.device("cuda" if torch.cuda.is_available() else "cpu")`). So what runs on the GPU is
the same code, executed once more while the GPU is on, and kept beside the ordinary module.
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

Module = TypeVar("Module", bound=ModuleType)


class OnGPU(Generic[Module]):
    """One submission on the GPU. `make` makes an empty module, `execute` runs the student's code in it.

    `last`: the module that was imported last before the student's own.
    """

    def __init__(
        self,
        home: str,
        last: str,
        make: Callable[[], Module],
        execute: Callable[[Module], object],
    ) -> None:
        self._home, self._last, self._make, self._execute = home, last, make, execute
        self._module: Module | None = None
        self._failed: BaseException | None = None
        self._default: torch.device | None = None  # the default device that the module has set
        self._helpers: dict[str, ModuleType] = {}  # modules of the student's own, as on a GPU

    def module(self) -> Module:
        """The module as it is on a GPU. Raises what its code raises there."""
        if self._failed:
            raise self._failed
        if self._module is None:
            try:
                self._module = self._executed(simulated_gpu.on())
            except simulated_gpu.NotSimulated as error:
                self._failed = error
                raise
            except BaseException as error:
                self._failed = error
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
            default = torch.utils._device.CURRENT_DEVICE
            if default is not None and default.type == "cuda":
                self._default = default
            return module

    def _require_twice(self) -> None:
        """Some files cannot be executed twice in one process, GPU or not: that is no mistake."""
        try:
            self._executed(nullcontext())
        except BaseException:
            self._failed = simulated_gpu.NotSimulated("To execute this file a second time")
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


class Nowhere(io.TextIOBase):
    """Where everything can be written, and nothing is kept."""

    def write(self, text: str) -> int:
        return len(text)
