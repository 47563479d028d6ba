"""Observations as plain data: packing loses nothing, and unpacking believes nothing."""

import io
import json
import math
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder import frames
from autograder.observation import (
    Arrays,
    Observed,
    Other,
    Place,
    Raised,
    Tensor,
    Value,
    pack,
    size,
    unpack,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TENSORS = st.sampled_from(
    [
        ("float64", "float64"),
        ("float32", "bfloat16"),
        ("float16", "float16"),
        ("int64", "int64"),
        ("bool", "bool"),
    ]
).flatmap(
    lambda kinds: st.builds(
        Tensor,
        hnp.arrays(kinds[0], hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)),
        st.just(kinds[1]),
        st.sampled_from(["cpu", "cuda:0"]),
    )
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    TENSORS
    | st.builds(Other, TEXT, TEXT)
    | TEXT
    | st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    # Floats of every kind: NaN and the infinities are no JSON.
    | st.floats(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
OBSERVED = st.builds(Observed, st.dictionaries(TEXT, VALUES, max_size=4))
RAISED = st.builds(
    Raised,
    TEXT,
    TEXT,
    TEXT,
    st.none() | st.builds(Place, TEXT, st.integers(0, 2**63 - 1), TEXT),
    TEXT,
)


def through_the_pipe(observation: Observed | Raised) -> Observed | Raised:
    stream = io.BytesIO(frames.encode(*pack(observation)))
    return unpack(*frames.read(stream.read))


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit and in type, NaN being NaN."""
    if type(one) is not type(other):
        return False
    match one:
        case Tensor():
            return (
                (one.dtype, one.device) == (other.dtype, other.device)
                and (one.array.dtype, one.array.shape) == (other.array.dtype, other.array.shape)
                and one.array.tobytes() == other.array.tobytes()
            )
        case list():
            return len(one) == len(other) and all(map(same, one, other))
        case Other() | Raised():
            return vars(one) == vars(other)
        case float():
            return one == other or (math.isnan(one) and math.isnan(other))
    return bool(one == other)


@settings(max_examples=150, deadline=None)
@given(OBSERVED)
def test_what_was_observed_arrives_as_it_was(observed: Observed) -> None:
    arrived = through_the_pipe(observed)
    assert isinstance(arrived, Observed)
    assert list(arrived.values) == list(observed.values), "in the check's order"
    assert all(same(value, arrived.values[name]) for name, value in observed.values.items())


@settings(max_examples=50, deadline=None)
@given(RAISED)
def test_an_error_arrives_as_it_was(raised: Raised) -> None:
    assert through_the_pipe(raised) == raised


@pytest.mark.parametrize(
    "array",
    [
        np.array(1.5),
        np.array(True),
        np.array([[True, False]]),
        np.array(2**53 + 1),
        np.zeros((0,)),
        np.zeros((3, 0, 2), dtype=np.float32),
        np.array([np.nan, np.inf, -np.inf, -0.0]),
        np.float16([65504.0, 6e-8]),
    ],
    ids=["0-d", "0-d bool", "bool", "int", "empty", "empty 3-d", "not finite", "float16"],
)
def test_a_tensor_of_any_kind_keeps_its_shape_and_bits(array: Any) -> None:
    tensor = Tensor(array, str(array.dtype))
    arrived = through_the_pipe(Observed({"x": tensor}))
    assert isinstance(arrived, Observed)
    assert same(tensor, arrived.values["x"])


def test_true_is_not_one_and_one_is_not_a_float() -> None:
    arrived = through_the_pipe(Observed({"bool": True, "int": 1, "float": 1.0, "text": "1"}))
    assert isinstance(arrived, Observed)
    assert [type(value) for value in arrived.values.values()] == [bool, int, float, str]


def test_what_is_packed_is_strict_json() -> None:
    tree, _ = pack(Observed({"x": [math.nan, math.inf, -math.inf, 0.5]}))
    assert json.dumps(tree, allow_nan=False) == (
        '{"observed": {"x": [{"float": "nan"}, {"float": "inf"}, {"float": "-inf"}, 0.5]}}'
    )


# What a forger would send: JSON that is nearly right.
WORDS = st.sampled_from(
    [
        *("observed", "raised", "message", "step", "place", "shown"),
        *("tensor", "dtype", "device", "float", "0"),
    ]
)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JUNK: st.SearchStrategy[Any] = st.deferred(
    lambda: ATOMS | st.lists(JUNK, max_size=3) | st.dictionaries(WORDS, JUNK, max_size=4)
)


@settings(max_examples=200, deadline=None)
@given(
    JUNK
    | st.builds(lambda tree: {"observed": {"x": tree}}, JUNK)
    | st.builds(lambda m, s, p: {"raised": "E", "message": m, "step": s, "place": p}, *[JUNK] * 3)
)
def test_unpack_raises_value_error_for_junk_and_nothing_else(tree: Any) -> None:
    arrays: Arrays = {"0": np.ones(2)}
    try:
        unpacked = unpack(tree, arrays)
    except ValueError:
        return
    if isinstance(unpacked, Raised):
        assert through_the_pipe(unpacked) == unpacked
    else:
        assert all(isinstance(name, str) for name in unpacked.values)


def test_nesting_as_deep_as_json_can_be_is_refused_as_well() -> None:
    tree: Any = []
    for _ in range(sys.getrecursionlimit() - 100):
        tree = [tree]
    with pytest.raises(ValueError, match="observation"):
        unpack({"observed": {"x": tree}}, {})


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {},
        {"observed": []},
        {"observed": {"x": {}}},
        {"observed": {"x": {"tensor": "1", "dtype": "float64", "device": "cpu"}}},
        {"observed": {"x": {"tensor": 0, "dtype": "float64", "device": "cpu"}}},
        {"observed": {"x": {"tensor": "0", "dtype": "float64"}}},
        {"observed": {"x": {"float": "1e999"}}},
        {"observed": {"x": [[{"other": 5}]]}},
        {"raised": "E", "message": "m", "step": "s"},
        {"raised": "E", "message": None, "step": "s", "place": None},
        {"raised": "E", "message": "m", "step": "s", "place": ["file", "line", "text"]},
        {"raised": "E", "message": "m", "step": "s", "place": None, "shown": 5},
        {"observed": {"x": {"other": "a Foo", "shown": []}}},
        {"observed": {}, "raised": "E"},
        {"observed": {"x": 2**63}},
        {"observed": {"x": {"tensor": "0", "dtype": "float32", "device": "cpu"}}},
        {"observed": {"x": {"tensor": "0", "dtype": "float64", "device": "cpu", "more": 1}}},
        {"observed": {"x": {"float": "nan", "other": "a Foo"}}},
        {"raised": "E", "message": "m", "step": "s", "place": ["file", True, "text"]},
        {"raised": "E", "message": "m", "step": "s", "place": ["file", -1, "text"]},
        {"raised": "E", "message": "m", "step": "s", "place": None, "more": 1},
    ],
    ids=str,
)
def test_junk_is_refused(tree: Any) -> None:
    with pytest.raises(ValueError, match=r"neither an observation nor|not a value of|is no text"):
        unpack(tree, {"0": np.ones(2)})


@pytest.mark.parametrize(
    "make",
    [
        lambda: [[] for _ in range(20_000)],
        lambda: [[str(n) for n in range(200)] for _ in range(50)],
        lambda: [float(n) for n in range(20_000)],
        lambda: [Tensor(np.zeros(n), "float64") for n in range(300)],
        lambda: [Other("a" * n, "b" * n) for n in range(500)],
    ],
    ids=["lists", "texts", "numbers", "tensors", "others"],
)
def test_the_size_of_an_observation_is_about_what_it_takes(make: Callable[[], Value]) -> None:
    tracemalloc.start()
    try:
        value = make()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * taken < size(Observed({"x": value})) < 3 * taken


def test_the_size_of_what_is_nested_deeply_is_known() -> None:
    value: Value = []
    for _ in range(2 * sys.getrecursionlimit()):
        value = [value]
    assert size(Observed({"x": value})) > 2 * sys.getrecursionlimit() * 8
