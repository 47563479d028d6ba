"""The seeded source of a check's inputs and weights: the same numbers on every platform.

Normal, never uniform: some mistakes vanish with uniform inputs. A check's inputs depend on the
seed and the check only, a weight on the seed and the parameter's name only: never on what else a
submission makes or draws.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# A weight above this size is a window of one long table, which repeats a block of a prime length that
# no row length divides. All of them share that table, and all workers: first touches of memory cost
# most of a check.
BLOCK = 4099
LARGE_FAN_IN = 512  # so they share one scale, too: that of this many inputs

Model = TypeVar("Model", bound=nn.Module)


class Draw:
    """`draw(3, 5)` is a (3, 5) tensor of standard normals in the default dtype."""

    def __init__(self, seed: int, check: str) -> None:
        self.seed = seed
        self._stream = _generator(seed, check)
        self._parameters: dict[str, nn.Parameter] = {}

    def named(self, name: str) -> "Draw":
        """Another source of the same seed: for what several checks look at."""
        return Draw(self.seed, name)

    def __call__(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Normals with the standard deviation `scale`."""
        values = _normals(self._stream, math.prod(shape)).reshape(shape) * scale
        # Of no axes, NumPy makes a number of it.
        return torch.from_numpy(np.asarray(values)).to(torch.get_default_dtype())

    def mask(self, *shape: int) -> Tensor:
        """A bool mask (…, n_Q, n_K), n_K >= 2, in which no query sees all keys or none.

        Nor is a key seen by all queries or by none, if there are several: what a softmax makes of
        nothing hangs on how a key is hidden, also for a softmax over the wrong axis.
        """
        masks = [self._mask(shape[-2:]) for _ in range(math.prod(shape[:-2]))]
        return torch.from_numpy(np.stack(masks).reshape(shape))

    def _mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        while True:
            order = np.argsort(self._stream.random(shape), axis=-1)
            visible = self._stream.integers(1, shape[-1], size=(*shape[:-1], 1))
            mask: NDArray[np.bool_] = order < visible
            if len(shape) < 2 or shape[0] < 2 or (mask.any(0) & ~mask.all(0)).all():
                return mask

    def build(self, make: Callable[[], Model], names: Mapping[str, tuple[int, ...]]) -> Model:
        """Make a model in the default dtype, and put drawn weights into it.

        `names` lists the public parameters with their shapes. A parameter of that name and shape
        gets that draw; one with another name gets the next one left of its shape, so that other
        attribute names do no harm; one that fits nowhere gets a draw of its own name.
        """
        with _uninitialised():
            model = make()
        parameters = dict(model.named_parameters())
        self._parameters = {}
        left = {name: _core(shape) for name, shape in names.items()}
        drawn: dict[str, str] = {}
        for name, parameter in parameters.items():
            if left.get(name) == _core(tuple(parameter.shape)):
                del left[name]
                drawn[name] = name
        for name, parameter in parameters.items():
            if name not in drawn:
                shape = _core(tuple(parameter.shape))
                drawn[name] = next((n for n, s in left.items() if s == shape), name)
                left.pop(drawn[name], None)
        with torch.no_grad():
            for name, parameter in parameters.items():
                weight = self._weight(drawn[name], parameter)
                if parameter.numel() > BLOCK:
                    parameter.data = weight  # shared: a copy of a large one would take too long
                else:
                    parameter.copy_(weight)
                self._parameters[drawn[name]] = parameter
            norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
            for number, norm in enumerate(norms):
                if norm.running_mean is not None and norm.running_var is not None:
                    norm.running_mean.copy_(
                        self._weight(f"running_mean {number}", norm.running_mean)
                    )
                    norm.running_var.copy_(self._weight(f"running_var {number}", norm.running_var))
                    norm.running_var.square_().add_(0.5)
        return model

    def parameter(self, name: str) -> nn.Parameter | None:
        """The parameter of the model built last that took the place of this public name, if any."""
        return self._parameters.get(name)

    def put(self, name: str, value: Tensor | float) -> None:
        """Give the parameter of this public name another value, if there is one."""
        if (parameter := self._parameters.get(name)) is not None:
            whole = value if isinstance(value, Tensor) else torch.full_like(parameter, value)
            parameter.data = whole.to(parameter.dtype)

    def _weight(self, name: str, target: Tensor) -> Tensor:
        """The draw that belongs to a parameter's name, scaled to keep activations near 1."""
        start = crc32(name.encode()) % BLOCK
        return _weight(self.seed, start, tuple(target.shape), target.dtype)


def _generator(seed: int, *names: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64([seed, *(crc32(name.encode()) for name in names)]))


@lru_cache(maxsize=8)  # once for all checks of a submission: a generator for each weight costs more
def _numbers(seed: int) -> Tensor:
    """The numbers that all weights are taken from; a weight's name says where it starts."""
    return torch.from_numpy(_normals(_generator(seed, "weights"), 2 * BLOCK))


@lru_cache(maxsize=64)
def _weight(seed: int, start: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    size = math.prod(shape)
    if size > BLOCK:
        start = (start + seed) % BLOCK
        return table(size + BLOCK, dtype)[start : start + size].view(shape)
    fan_in = shape[-1] if len(shape) > 1 else 4
    values = _numbers(seed)[start : start + size] / math.sqrt(max(fan_in, 1))
    return values.to(dtype).view(shape)


_tables: dict[torch.dtype, Tensor] = {}


def table(size: int, dtype: torch.dtype) -> Tensor:
    """The table of the large weights, at least as long as this.

    The seed only moves the windows, so that the table can be made before a seed is known.
    """
    found = _tables.get(dtype)
    if found is None or len(found) < size:
        block = (_numbers(0)[:BLOCK] / math.sqrt(LARGE_FAN_IN)).to(dtype)
        found = _tables[dtype] = block.repeat(-(-size // BLOCK))
    return found


def _normals(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    # The last bit of a normal comes from the C library; rounding makes it the same everywhere.
    return np.round(generator.standard_normal(size), 9)


def _core(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Draw, build and run in another dtype: how a check sees whether an answer keeps it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Skip the random initialisation of large layers: every parameter is overwritten anyway."""
    layers: tuple[Any, ...] = (nn.Linear, nn.LSTM)
    saved = [layer.reset_parameters for layer in layers]
    for layer in layers:
        layer.reset_parameters = lambda self: None
    try:
        yield
    finally:
        for layer, method in zip(layers, saved, strict=True):
            layer.reset_parameters = method
