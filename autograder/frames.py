"""The bytes between judge and worker: strict JSON and safetensors, length-prefixed and capped.

A frame is two lengths (big-endian, 4 bytes of JSON, 8 bytes of tensors), the JSON and the tensors.
Whatever reads one trusts nothing in it: a frame that breaks a rule raises `BadFrame`.
"""

import json
import math
import socket
import struct
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import safetensors.numpy

from autograder.limits import DEFAULT, Limits
from autograder.observation import Arrays

PREFIX = struct.Struct("!IQ")

# safetensors' names of the element types that an observation can hold, with their sizes in bytes.
ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}
MOST_AXES = 16  # of a tensor


class BadFrame(Exception):
    """The other side sent something that is not a frame."""


def encode(message: Any, arrays: Arrays | None = None) -> bytes:
    """A JSON value and arrays -> the bytes of one frame."""
    header = json.dumps(message, allow_nan=False, ensure_ascii=False).encode("utf-8", "replace")
    tensors = b""
    if arrays:
        # ascontiguousarray makes a 0-d array 1-d, so only where it is needed.
        tensors = safetensors.numpy.save(
            {k: a if a.flags.c_contiguous else np.ascontiguousarray(a) for k, a in arrays.items()}
        )
    return PREFIX.pack(len(header), len(tensors)) + header + tensors


def read(
    receive: Callable[[int], bytes], limits: Limits | None = DEFAULT
) -> tuple[dict[str, Any], Arrays]:
    """Read one frame. `receive(n)` gives exactly n bytes; `limits=None` trusts the sender's sizes."""
    header_size, tensors_size = PREFIX.unpack(receive(PREFIX.size))
    if limits and (header_size > limits.reply_header or tensors_size > limits.reply):
        raise BadFrame(f"a frame of {header_size} + {tensors_size} bytes is over the limit")
    message = strict_json(receive(header_size))
    if not isinstance(message, dict):
        raise BadFrame("the JSON of a frame is not an object")
    return message, load_tensors(receive(tensors_size), limits)


def receive(channel: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, however long they take. Raises EOFError."""
    data = bytearray()
    while len(data) < size:
        chunk = channel.recv(min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def strict_json(data: bytes) -> Any:
    """Parse UTF-8 JSON without NaN, Infinity, half characters, repeated keys or deep nesting."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            parse_constant=_refuse,
            parse_float=_finite,
            object_pairs_hook=_without_repeats,
        )
        # Half a surrogate pair is a str in Python, and cannot be written anywhere.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
        return value
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not strict JSON: {error}") from None


def load_tensors(data: bytes, limits: Limits | None = DEFAULT) -> Arrays:
    """Parse safetensors, after checking that its header tells the truth about sizes."""
    if not data:
        return {}
    if limits is not None:
        _check_tensors(data, limits)
    try:
        return safetensors.numpy.load(data)
    except Exception as error:  # the library's own error types are not all public
        raise BadFrame(f"not safetensors: {error}") from None


def _check_tensors(data: bytes, limits: Limits) -> None:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(limits.reply_header, len(data) - 8):
        raise BadFrame("the tensors' header is longer than the frame allows")
    header = strict_json(data[8 : 8 + size])
    if not isinstance(header, dict) or len(header) > limits.tensors:
        raise BadFrame("too many tensors in a frame")
    for name, entry in header.items():
        match entry:
            case {
                "dtype": str(dtype),
                "shape": list(shape),
                "data_offsets": [int(start), int(end)],
            }:
                pass
            case _:
                raise BadFrame(f"tensor {name!r} is not described")
        if dtype not in ITEM_SIZES or len(shape) > MOST_AXES:
            raise BadFrame(f"tensor {name!r} has an unexpected type or rank")
        if not all(type(n) is int and 0 <= n <= limits.tensor for n in shape):
            raise BadFrame(f"tensor {name!r} has an impossible shape")
        nbytes = math.prod(shape) * ITEM_SIZES[dtype]
        if nbytes > limits.tensor or not 0 <= start <= end or end - start != nbytes:
            raise BadFrame(f"tensor {name!r} is over the limit or lies about its size")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is repeated")
    return result
