"""What a check observed, as plain data: named values, or the error that was raised.

Both sides use it: a worker turns what it saw into these values and packs them for the pipe, the
judge unpacks and compares them, and a recording keeps them packed. No torch in here.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from autograder.limits import DEFAULT


@dataclass(frozen=True, eq=False)
class Tensor:
    """A dense tensor. `dtype` and `device` are torch's names; bfloat16 travels as float32."""

    array: NDArray[Any]
    dtype: str
    device: str = "cpu"


@dataclass(frozen=True)
class Other:
    """Something that no check asks for, described in English: "a list of 3", "a Foo".

    `shown` is the description in the student's language, where that is another.
    """

    description: str
    shown: str = field(default="", compare=False)


Value = Tensor | Other | str | float | bool | None | list["Value"]


@dataclass(frozen=True, eq=False)
class Observed:
    """The values that a check returned, by name, in the check's order."""

    values: Mapping[str, Value]


@dataclass(frozen=True)
class Place:
    """A line of the student's file."""

    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Raised:
    """The error that a check (or the import) ended in.

    `step` is the line of the check that was running, "" for the import; `place` the innermost line
    of the student's own code, if the error passed through one. `shown` is the message in the
    student's language, where it is ours and that is not English.
    """

    type: str
    message: str
    step: str = ""
    place: Place | None = None
    shown: str = field(default="", compare=False)


# The type of the error that a check on the GPU ends in where the submission needs what is not simulated.
NOT_SIMULATED = "NotSimulated"
# … and where the submission cannot be executed there after it was executed without a GPU.
ONLY_ONCE = "OnlyOnce"


@dataclass(frozen=True)
class Died:
    """The worker was gone before it answered. `verdict` is the word of the results for it."""

    verdict: str
    detail: str


@dataclass(frozen=True)
class NotRun:
    """There is no GPU for this check, whatever the submission is: so no process that runs one says it."""

    reason: str


Observation = Observed | Raised | Died | NotRun

Arrays = dict[str, NDArray[Any]]

OBJECT = 1000  # bytes, about, of a tensor besides its numbers

MOST = 2**63  # what a number is below; a larger one is an `Other`
CARRIED = {"bfloat16": "float32"}  # torch's dtypes that NumPy lacks, and what they travel as


def size(observation: Observation) -> int:
    """About how many bytes it takes to keep an observation; an error is cut, and takes few."""
    waiting: list[Any] = []
    if isinstance(observation, Observed):
        waiting += [*observation.values, *observation.values.values()]
    found = 0
    while waiting:  # and no recursion: it may be nested as deeply as can be
        value = waiting.pop()
        found += sys.getsizeof(value)
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, Tensor):
            found += OBJECT + value.array.nbytes
        elif isinstance(value, Other):
            waiting += [value.description, value.shown]
    return found


def pack(observation: Observed | Raised) -> tuple[dict[str, Any], Arrays]:
    """An observation -> strict JSON and the arrays that it names."""
    if isinstance(observation, Raised):
        place = observation.place
        return {
            "raised": observation.type,
            "message": observation.message,
            "step": observation.step,
            "place": None if place is None else [place.file, place.line, place.text],
            **({"shown": observation.shown} if observation.shown else {}),
        }, {}
    arrays: Arrays = {}
    tree = {name: _pack_value(value, arrays) for name, value in observation.values.items()}
    return {"observed": tree}, arrays


def unpack(tree: Any, arrays: Arrays, *, samples: bool = False) -> Observed | Raised:
    """The inverse of `pack`. Raises ValueError for anything that `pack` does not produce.

    Of `samples`, as a diagnosis keeps them, the arrays are of float64 whatever the tensor was.
    """
    try:
        return _unpack(tree, arrays, samples)
    except RecursionError:
        raise ValueError("an observation is nested too deeply") from None


def _unpack(tree: Any, arrays: Arrays, samples: bool) -> Observed | Raised:
    match tree:
        case {"observed": dict(values), **rest} if not rest:
            found = {_cut(k): _unpack_value(v, arrays, samples) for k, v in values.items()}
            return Observed(found)
        case {"raised": str(kind), "message": str(message), "step": str(step), "place": at, **rest}:
            place = None if at is None else _place(at)
            return Raised(_cut(kind), _cut(message), _cut(step), place, _shown(rest))
    raise ValueError("neither an observation nor an error")


def _place(at: Any) -> Place:
    match at:
        case [str(file), int(line), str(text)] if type(line) is int and 0 <= line < MOST:
            return Place(_cut(file), line, _cut(text))
    raise ValueError("neither an observation nor an error")


def _pack_value(value: Value, arrays: Arrays) -> Any:
    match value:
        case Tensor():
            key = str(len(arrays))
            arrays[key] = value.array
            return {"tensor": key, "dtype": value.dtype, "device": value.device}
        case Other():
            shown = {"shown": value.shown} if value.shown else {}
            return {"other": value.description, **shown}
        case list():
            return [_pack_value(item, arrays) for item in value]
        case float() if not math.isfinite(value):
            return {"float": repr(value)}
        case _:
            return value


def _unpack_value(tree: Any, arrays: Arrays, samples: bool) -> Value:
    match tree:
        case str():
            return _cut(tree)
        case None | bool() | float():
            return tree
        case int() if -MOST < tree < MOST:
            return tree
        case list():
            return [_unpack_value(item, arrays, samples) for item in tree]
        case {"tensor": str(key), "dtype": str(dtype), "device": str(device), **rest} if (
            not rest
            and key in arrays
            and (samples or str(arrays[key].dtype) == CARRIED.get(dtype, dtype))
        ):
            return Tensor(arrays[key], dtype, _cut(device))
        case {"other": str(description), **rest}:
            return Other(_cut(description), _shown(rest))
        case {"float": "nan" | "inf" | "-inf" as text, **rest} if not rest:
            return float(text)
    raise ValueError("not a value of an observation")


def _shown(rest: Mapping[Any, Any]) -> str:
    """What is left of an object once all else was taken out of it."""
    match rest:
        case {"shown": str(text), **more} if text and not more:
            return _cut(text)
        case {**more} if not more:
            return ""
    raise ValueError("what is shown is no text")


def _cut(text: str) -> str:
    """No text from a worker is longer than what is shown of it."""
    return text[: DEFAULT.text]
