"""A layer that could not be made, in a network of which another part is judged.

`nn.ReLU` without its parentheses, `nn.Linear(1024)` or `nn.Relu()` raise while the list that they stand in is
written down, so that nothing of the network would be there. While `unmade` is on, such a layer is one that
raises where it is called; the rest can be looked at without it.
"""

import difflib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from autograder.patched import patched

OURS = (str(Path(torch.__file__).parent), __file__)
CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)
LAYERS = {
    name: value
    for name, value in vars(nn).items()
    if isinstance(value, type) and issubclass(value, nn.Module) and value not in CONTAINERS
}


MAKING = {
    base
    for layer in LAYERS.values()
    for base in layer.__mro__
    if "__init__" in vars(base) and issubclass(base, nn.Module) and base not in CONTAINERS
}


class Unmade(nn.Module):
    """Raises what making it has raised. `wanted`: the kind of layer that it was to be."""

    error: Exception
    wanted: type[nn.Module]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise self.error


@contextmanager
def unmade() -> Iterator[None]:
    """While it is on, a layer that cannot be made is an Unmade."""
    changes: list[tuple[Any, str, Any]] = [
        *((layer, "__init__", _making(vars(layer)["__init__"])) for layer in MAKING),
        (nn.Module, "add_module", _adding(nn.Module.add_module)),
        (nn, "__getattr__", _misspelt),
    ]
    with patched(changes):
        yield


def wanted(layer: nn.Module) -> type[nn.Module]:
    return layer.wanted if isinstance(layer, Unmade) else type(layer)


def _making(init: Callable[..., None]) -> Callable[..., None]:
    def make(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        kind = type(self)
        try:
            init(self, *args, **kwargs)
        except Exception as error:
            if kind.__module__.partition(".")[0] != "torch":
                raise  # a student's own, whose __init__ goes on after this
            nn.Module.__init__(self)
            self.__class__ = Unmade
            _tell(self, error, kind)

    return make


def _adding(add: Callable[..., None]) -> Callable[..., None]:
    def add_module(self: nn.Module, name: str, module: Any) -> None:
        try:
            add(self, name, module)
        except TypeError as error:
            kind = (
                module if isinstance(module, type) and issubclass(module, nn.Module) else nn.Module
            )
            add(self, name, _tell(Unmade(), error, kind))

    return add_module


def _misspelt(name: str) -> Any:
    error = AttributeError(f"module 'torch.nn' has no attribute '{name}'")
    names = {known.lower(): known for known in LAYERS}
    near = difflib.get_close_matches(name.lower(), names, n=1)
    if name.startswith("__") or not near:
        raise error
    kind = LAYERS[names[near[0]]]
    return lambda *args, **kwargs: _tell(Unmade(), error, kind)


def _tell(layer: Any, error: Exception, kind: type[nn.Module]) -> nn.Module:
    """The error, as if it were raised at the line of the student's that wanted the layer."""
    frame: Any = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    here = TracebackType(None, frame, frame.f_lasti, frame.f_lineno) if frame else None
    layer.error, layer.wanted = error.with_traceback(here), kind
    return layer  # type: ignore[no-any-return]
