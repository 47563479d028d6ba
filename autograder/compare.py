"""Compare what came with what was expected, and say in the stub's words where they differ.

Shape first, then dtype, then finiteness, then values, with the reference as the yardstick: so that
nothing is broadcast, NaN equals nothing, and the tolerance never depends on the answer.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.check import REMARKS, nothing
from autograder.language import _
from autograder.observation import Observed, Other, Tensor, Value

# The least tolerance, relative to the largest value that is expected: well above what another
# order of operations changes in that dtype, and well below what a mistake does.
FLOORS = {"float64": 1e-6, "float32": 3e-5, "float16": 2e-2, "bfloat16": 5e-2}
# Some right answers compute a part in float32 (a √d from a FloatTensor). So the tolerance is also
# above what the reference itself loses in float32, up to a limit.
NOISE_FACTOR = 8
MOST_TOLERANCE = 1e-3
TINY = 1e-6  # where only zeros are expected, values are measured against this

GRADIENT = "gradient of "  # how the name of an observation begins that is one

Tolerances = Mapping[str, float]


def tolerances(expected: Observed, in_float32: Observed) -> dict[str, float]:
    """The absolute tolerance of every tensor, by name, from two runs of the reference."""
    noisy = dict(tensors(in_float32))
    found = {}
    for name, tensor in tensors(expected):
        scale = _scale(tensor.array)
        tolerance = FLOORS.get(tensor.dtype, 0.0) * scale
        other = noisy.get(name)
        if other is not None and other.array.shape == tensor.array.shape and tolerance:
            noise = _largest(_errors(tensor.array, other.array))
            tolerance = max(tolerance, min(NOISE_FACTOR * noise, MOST_TOLERANCE * scale))
        found[name] = float(tolerance)
    return found


def widest(expected: Observed) -> dict[str, float]:
    """The largest tolerance of every tensor: where it is not known what is lost, as on a real GPU
    beside a recording."""
    return {name: MOST_TOLERANCE * _scale(tensor.array) for name, tensor in tensors(expected)}


def difference(
    expected: Observed, received: Observed, tolerance: Tolerances, axes: Mapping[str, str]
) -> str | None:
    """The first difference between two observations as a sentence; None when there is none."""
    for name, value in expected.values.items():
        if name == REMARKS:
            continue
        if name not in received.values:
            return _("{name} is missing.").format(name=shown(name))
        found = _differs(name, value, received.values[name], tolerance, axes.get(name, "").split())
        if found:
            return found
    return None


def remarks(received: Observed) -> str:
    """What a check remarks on besides; it costs nothing."""
    value = received.values.get(REMARKS, [])
    texts = value if isinstance(value, list) else []
    return " ".join(_(text) for text in texts if isinstance(text, str) and text)


def _differs(
    name: str, expected: Value, received: Value, tolerance: Tolerances, axes: list[str]
) -> str | None:
    match expected, received:
        case Tensor(), Tensor():
            return _tensor_differs(name, expected, received, tolerance[name], axes)
        case list(), list() if len(expected) == len(received):
            for i, (one, other) in enumerate(zip(expected, received, strict=True)):
                if found := _differs(f"{name}[{i}]", one, other, tolerance, axes[1:]):
                    return found
            return None
        case list(), list():
            sentence = _("{name} has {count} items; expected {most}.")
            return sentence.format(name=shown(name), count=len(received), most=len(expected))
        case Tensor(), None if name.startswith(GRADIENT):
            return _(
                "No gradient reaches {name}. Is it used, and does nothing on the way (detach, "
                ".data, item, numpy, no_grad) cut the graph?"
            ).format(name=shown(name.removeprefix(GRADIENT)))
        case None, Tensor() if name.startswith(GRADIENT):
            name = shown(name.removeprefix(GRADIENT))
            return _("A gradient reaches {name}; none should.").format(name=name)
        case str() | bool() | int() | float() | None, _ if type(expected) is type(received):
            if expected == received:
                return None
            came, wanted = _plain(received), _plain(expected)
            return _("{name}: {came}; expected {wanted}.").format(
                name=shown(name), came=came, wanted=wanted
            )
    came, wanted = _kind(received), _kind(expected)
    if received is None and isinstance(expected, Tensor):
        came = nothing()
    return _("{name} is {came}; expected {wanted}.").format(
        name=shown(name), came=came, wanted=wanted
    )


def _tensor_differs(
    name: str, expected: Tensor, received: Tensor, tolerance: float, axes: list[str]
) -> str | None:
    want, got = expected.array, received.array
    if want.shape != got.shape:
        named = f"({', '.join(axes)}) = " if axes and len(axes) == want.ndim else ""
        return _("{name} has shape {came}; expected {wanted}.").format(
            name=shown(name), came=got.shape, wanted=f"{named}{want.shape}"
        )
    if expected.dtype != received.dtype:
        sentence = _("{name} is {came}; expected {wanted}, the dtype of the inputs and weights.")
        return sentence.format(name=shown(name), came=received.dtype, wanted=expected.dtype)
    if expected.device != received.device:
        sentence = _("{name} is on {came}; expected {wanted}, where the inputs and weights are.")
        return sentence.format(name=shown(name), came=received.device, wanted=expected.device)
    if got.dtype.kind != "f":
        wrong = want != got
        error: NDArray[Any] = wrong.astype(float)
    else:
        finite = np.isfinite(got) | ~np.isfinite(want)
        if not finite.all():
            spot = _spot(name, np.unravel_index(int(np.argmin(finite)), got.shape), axes)
            count = int((~finite).sum())
            sentence = _("{name} is {came} ({count} of {size} entries are not finite).")
            return sentence.format(name=spot, came=got[~finite][0], count=count, size=got.size)
        error = _errors(want, got)
        wrong = ~(error <= tolerance)
    if not wrong.any():
        return None
    index = np.unravel_index(int(np.argmax(error)), got.shape)
    came, wanted = _numbers(got[index], want[index])
    sentence = _("{name} is {came}; expected {wanted}.").format(
        name=_spot(name, index, axes), came=came, wanted=wanted
    )
    count = int(wrong.sum())
    if got.size == 1:
        return sentence
    if count == got.size:
        share = _("All {count} entries differ, this one the most.")
    else:
        share = _("{count} of {size} entries differ, this one the most.")
    return f"{sentence} {share.format(count=count, size=got.size)}"


def shown(name: str) -> str:
    """The name of an observation in the current language; names from the stub stay as they are."""
    if name.startswith(GRADIENT):
        return _("gradient of {name}").format(name=shown(name.removeprefix(GRADIENT)))
    return ", ".join(_(part) for part in name.split(", "))


def _spot(name: str, index: Any, axes: list[str]) -> str:
    """`attention[batch=1, query=4, key=0] (masked)`: a place in the stub's axis names."""
    name, *cases = shown(name).split(", ", 1)
    case = f" ({cases[0]})" if cases else ""
    if not index:
        return name + case
    names = axes if len(axes) == len(index) else [""] * len(index)
    where = (
        f"{axis}={i}" if axis.isidentifier() else f"{i}"
        for axis, i in zip(names, index, strict=True)
    )
    return f"{name}[{', '.join(where)}]{case}"


def _numbers(came: Any, wanted: Any) -> tuple[str, str]:
    """Two different numbers, with as many digits as it takes to see that."""
    if np.asarray(came).dtype.kind != "f":
        return str(came), str(wanted)
    for digits in (4, 7, 10, 17):
        texts = f"{came:.{digits}g}", f"{wanted:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _(str(value)) if value != "" else _("nothing")


def _kind(value: Value) -> str:
    match value:
        case Tensor():
            return _("a tensor of shape {shape}").format(shape=value.array.shape)
        case Other():
            return value.shown or value.description
        case list():
            return _("a list or tuple of {count}").format(count=len(value))
        case None:
            return "None"
        case str() if value:
            return f"{_(value)!r:.60}"
        case _:
            return f"{value!r:.60}"


def tensors(observed: Observed) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of an observation, by name."""

    def walk(name: str, value: Value) -> Iterator[tuple[str, Tensor]]:
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, list):
            for i, item in enumerate(value):
                yield from walk(f"{name}[{i}]", item)

    for name, value in observed.values.items():
        yield from walk(name, value)


def _scale(array: NDArray[Any]) -> float:
    return max(_largest(np.abs(array)), TINY) if array.dtype.kind == "f" else 1.0


def _errors(want: NDArray[Any], got: NDArray[Any]) -> NDArray[Any]:
    """How far off each entry is. An infinity is 0 off from itself, NaN infinitely from anything."""
    with np.errstate(invalid="ignore"):
        error = np.abs(got.astype(float) - want)
    return np.where(np.isnan(error), np.where(got == want, 0.0, np.inf), error)


def _largest(array: NDArray[Any]) -> float:
    """The largest finite entry."""
    return float(np.max(array, initial=0.0, where=np.isfinite(array)))
