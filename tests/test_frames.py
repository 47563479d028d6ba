"""Frames: what one side encodes the other reads, and nothing else gets past `BadFrame`."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import frames
from autograder.frames import PREFIX, BadFrame, encode, load_tensors, read, strict_json
from autograder.limits import DEFAULT, Limits

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ARRAYS = st.dictionaries(
    TEXT.filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(
            dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
        )
    ),
    max_size=4,
)


def receiver(data: bytes) -> Callable[[int], bytes]:
    """As both ends receive: exactly so many bytes, or EOFError."""
    stream = io.BytesIO(data)

    def receive(size: int) -> bytes:
        chunk = stream.read(size)
        if len(chunk) < size:
            raise EOFError
        return chunk

    return receive


def frame(header: bytes, tensors: bytes = b"") -> bytes:
    return PREFIX.pack(len(header), len(tensors)) + header + tensors


def tensors(header: Any, data: bytes = b"") -> bytes:
    """Safetensors with any header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str, shape: list[Any], start: Any, end: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXT, JSON, max_size=3), ARRAYS)
def test_what_is_encoded_is_what_is_read(message: dict[str, Any], arrays: frames.Arrays) -> None:
    got_message, got_arrays = read(receiver(encode(message, arrays)))
    assert got_message == message
    assert got_arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (got_arrays[name].dtype, got_arrays[name].shape) == (array.dtype, array.shape)
        assert got_arrays[name].tobytes() == array.tobytes()


def test_a_view_arrives_as_the_values_it_shows() -> None:
    whole = np.arange(24.0).reshape(2, 3, 4)
    for view in (whole.transpose(2, 0, 1), whole[:, ::2], whole[0, 1, 2, ...]):
        _, arrays = read(receiver(encode({}, {"0": view})))
        np.testing.assert_array_equal(arrays["0"], view)
        assert arrays["0"].shape == view.shape


def test_frames_follow_each_other_on_one_channel() -> None:
    receive = receiver(encode({"n": 1}, {"0": np.ones(3)}) + encode({"n": 2}))
    assert [read(receive)[0] for _ in range(2)] == [{"n": 1}, {"n": 2}]
    with pytest.raises(EOFError):
        read(receive)


def test_nan_is_not_sent_as_json() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        encode({"x": float("nan")})


def test_text_that_utf8_cannot_hold_is_sent_with_question_marks() -> None:
    assert read(receiver(encode({"text": "a\ud800b"})))[0] == {"text": "a?b"}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_bytes_of_any_kind_are_a_frame_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["noise", "lengths that fit", "damaged"]))
    if kind == "noise":
        sent = data.draw(st.binary(max_size=80))
    elif kind == "lengths that fit":
        header = data.draw(st.just(b"{}") | st.binary(max_size=20))
        inner = data.draw(st.binary(max_size=60))
        sent = frame(header, data.draw(st.sampled_from([inner, tensors(inner)])))
    else:
        damaged = bytearray(encode({"observed": {"x": None}}, {"0": np.ones((2, 3))}))
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        sent = bytes(damaged)
    try:
        message, arrays = read(receiver(sent))
    except (BadFrame, EOFError):
        return
    assert isinstance(message, dict)
    assert all(isinstance(array, np.ndarray) for array in arrays.values())


@pytest.mark.parametrize(
    ("header_size", "tensors_size"),
    [(DEFAULT.reply_header + 1, 0), (2, DEFAULT.reply + 1), (2**32 - 1, 2**64 - 1)],
)
def test_a_frame_over_the_limit_is_refused_before_it_is_read(
    header_size: int, tensors_size: int
) -> None:
    asked = []

    def receive(size: int) -> bytes:
        asked.append(size)
        return PREFIX.pack(header_size, tensors_size)

    with pytest.raises(BadFrame, match=f"{header_size} \\+ {tensors_size} bytes is over the limit"):
        read(receive)
    assert asked == [PREFIX.size]


def test_the_judges_own_frames_have_no_limit() -> None:
    sent = encode({}, {f"{i}": np.zeros(0) for i in range(DEFAULT.tensors + 1)})
    assert len(read(receiver(sent), limits=None)[1]) == DEFAULT.tensors + 1
    with pytest.raises(BadFrame, match="too many tensors"):
        read(receiver(sent))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b'{"x": NaN}', "NaN is not JSON", id="NaN"),
        pytest.param(b'{"x": -Infinity}', "-Infinity is not JSON", id="infinity"),
        pytest.param(b'{"x": 1e999}', "not strict JSON", id="infinity in digits"),
        pytest.param(b'{"x": 1, "x": 2}', "a key is repeated", id="repeated key"),
        pytest.param(b'{"y": [{"x": 1, "x": 1}]}', "a key is repeated", id="repeated inside"),
        pytest.param(b"[" * 100_000, "recursion", id="deep lists"),
        pytest.param(b'{"x":' * 100_000, "recursion", id="deep objects"),
        pytest.param(b"1" * 5000, "not strict JSON", id="more digits than an int may have"),
        pytest.param(b'"\xff"', "not strict JSON", id="not UTF-8"),
        pytest.param(rb'{"x": "\ud800"}', "not strict JSON", id="half a surrogate pair"),
        pytest.param(b"", "not strict JSON", id="nothing"),
        pytest.param(b"{}{}", "not strict JSON", id="two values"),
    ],
)
def test_json_is_strict(data: bytes, reason: str) -> None:
    with pytest.raises(BadFrame, match=reason):
        strict_json(data)


@pytest.mark.parametrize("header", [b"[]", b'"x"', b"null", b"1"])
def test_a_frame_holds_an_object(header: bytes) -> None:
    with pytest.raises(BadFrame, match="the JSON of a frame is not an object"):
        read(receiver(frame(header)))


F64 = entry("F64", [1], 0, 8)


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        pytest.param(
            {str(i): entry("F64", [0], 0, 0) for i in range(200_000)},
            b"",
            "header is longer",
            id="200,000 empty tensors",
        ),
        pytest.param(
            {str(i): entry("F64", [0], 0, 0) for i in range(3_000)},
            b"",
            "too many tensors",
            id="3,000 empty tensors",
        ),
        pytest.param(
            {"0": entry("F64", [0, 2**62], 0, 0)}, b"", "impossible shape", id="no row of 2**62"
        ),
        pytest.param({"0": entry("F64", [-1], 0, 8)}, bytes(8), "impossible shape", id="negative"),
        pytest.param({"0": entry("F64", [True], 0, 8)}, bytes(8), "impossible shape", id="bool"),
        pytest.param({"0": entry("F64", [1.0], 0, 8)}, bytes(8), "impossible shape", id="float"),
        pytest.param(
            {"0": entry("U8", [2**20, 2**20], 0, 2**40)}, b"", "over the limit", id="2**40 bytes"
        ),
        pytest.param({"0": entry("F64", [1] * 17, 0, 8)}, bytes(8), "rank", id="17 axes"),
        pytest.param({"0": entry("C64", [1], 0, 8)}, bytes(8), "unexpected type", id="complex"),
        pytest.param({"0": entry("F64", [2], 0, 8)}, bytes(8), "lies", id="says more than it has"),
        pytest.param({"0": entry("F64", [1], 8, 0)}, bytes(8), "lies", id="offsets reversed"),
        pytest.param({"0": entry("F64", [1], -8, 0)}, bytes(8), "lies", id="before the start"),
        pytest.param(
            {"0": entry("F64", [1], 8, 16)}, bytes(8), "not safetensors", id="behind the end"
        ),
        pytest.param({"0": F64, "1": F64}, bytes(8), "not safetensors", id="overlapping"),
        pytest.param(
            {"0": F64, "1": entry("F64", [1], 16, 24)}, bytes(24), "not safetensors", id="a gap"
        ),
        pytest.param({"0": F64}, bytes(16), "not safetensors", id="bytes nobody describes"),
        pytest.param({"0": None}, b"", "'0' is not described", id="no description"),
        pytest.param({"__metadata__": {"a": "b"}}, b"", "not described", id="metadata"),
        pytest.param([], b"", "too many tensors", id="a list"),
        pytest.param(b'{"0": NaN}', b"", "NaN is not JSON", id="NaN"),
        pytest.param(b'{"0": 1, "0": 2}', b"", "a key is repeated", id="repeated name"),
        pytest.param(b"[" * 100_000, b"", "recursion", id="deep"),
    ],
)
def test_a_header_that_lies_never_reaches_the_arrays(
    header: Any, data: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason != "not safetensors":
        # The library takes seconds for some of these, and accepts others: it must not see them.
        monkeypatch.setattr(safetensors.numpy, "load", lambda data: pytest.fail("it was parsed"))
    with pytest.raises(BadFrame, match=reason):
        load_tensors(tensors(header, data))


@pytest.mark.parametrize(
    "data", [b"\0", bytes(7), b"\xff" * 8, (9).to_bytes(8, "little") + b"{}", bytes(8)]
)
def test_a_header_longer_than_the_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        load_tensors(data)


def test_limits_hold_for_each_tensor() -> None:
    limits = Limits(tensor=80, tensors=2)
    fits = safetensors.numpy.save({"0": np.ones(10), "1": np.ones(10)})
    assert load_tensors(fits, limits)["1"].shape == (10,)
    with pytest.raises(BadFrame, match="over the limit"):
        load_tensors(safetensors.numpy.save({"0": np.ones((2, 10))}), limits)
    with pytest.raises(BadFrame, match="too many tensors"):
        load_tensors(safetensors.numpy.save({str(i): np.ones(1) for i in range(3)}), limits)
