"""Comparing: nothing is broadcast, NaN equals nothing, and the sentence says where, in axis names."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.check import REMARKS
from autograder.compare import (
    FLOORS,
    MOST_TOLERANCE,
    NOISE_FACTOR,
    TINY,
    difference,
    remarks,
    tolerances,
)
from autograder.observation import Observed, Other, Tensor, Value


def tensor(values: Any, dtype: str = "float64", device: str = "cpu") -> Tensor:
    """A tensor as it arrives; bfloat16 travels as float32."""
    return Tensor(np.array(values, {"bfloat16": "float32"}.get(dtype, dtype)), dtype, device)


def compare(expected: Value, received: Value, name: str = "out", axes: str = "") -> str | None:
    """The difference between two values of one name, with the tolerance that the first gives."""
    one = Observed({name: expected})
    return difference(one, Observed({name: received}), tolerances(one, one), {name: axes})


def test_equal_values_have_no_difference() -> None:
    for value in (tensor([[1.0, -2.0]]), tensor(0.0), tensor([]), tensor([True], "bool")):
        assert compare(value, value) is None
    for plain in ("ReLU", "", True, 3, 0.5, None, [tensor([1.0]), "a", []]):
        assert compare(plain, plain) is None


@pytest.mark.parametrize(
    ("expected", "received"),
    [((5, 1), (1,)), ((1,), (5, 1)), ((1,), (0,)), ((0,), (1,)), ((2, 3), (3, 2)), ((), (1,))],
    ids=str,
)
def test_nothing_is_broadcast(expected: tuple[int, ...], received: tuple[int, ...]) -> None:
    assert compare(tensor(np.ones(expected)), tensor(np.ones(received))) == (
        f"out has shape {received}; expected {expected}."
    )


def test_the_expected_shape_is_said_in_axis_names() -> None:
    want, got = tensor(np.ones((3, 4, 5))), tensor(np.ones((4, 3, 5)))
    assert compare(want, got, axes="batch query feature") == (
        "out has shape (4, 3, 5); expected (batch, query, feature) = (3, 4, 5)."
    )


def test_axis_names_of_another_number_of_axes_are_not_used() -> None:
    assert compare(tensor(np.ones((3, 4))), tensor(np.ones(3)), axes="batch query feature") == (
        "out has shape (3,); expected (3, 4)."
    )
    assert compare(tensor([[1.0, 2.0]]), tensor([[1.0, 4.0]]), axes="batch") == (
        "out[0, 1] is 4; expected 2. 1 of 2 entries differ, this one the most."
    )


def test_the_place_that_differs_most_is_named_by_axis_and_index() -> None:
    want = np.zeros((2, 3, 4))
    want[1, 2, 3] = 0.5
    got = want.copy()
    got[1, 0, 3], got[0, 2, 1] = 0.25, -2
    assert compare(tensor(want), tensor(got), axes="batch query key") == (
        "out[batch=0, query=2, key=1] is -2; expected 0. 2 of 24 entries differ, this one the most."
    )


def test_an_axis_without_a_name_is_counted() -> None:
    assert compare(tensor([[1.0], [2.0]]), tensor([[1.0], [1.0]]), axes="batch 1") == (
        "out[batch=1, 0] is 1; expected 2. 1 of 2 entries differ, this one the most."
    )


def test_the_case_stands_behind_the_place() -> None:
    axes = "batch query"
    assert compare(tensor([[1.0]]), tensor([[2.0]]), "out, masked, two axes", axes) == (
        "out[batch=0, query=0] (masked, two axes) is 2; expected 1."
    )
    assert compare(tensor(1.0), tensor(2.0), "loss, masked") == "loss (masked) is 2; expected 1."


def test_all_entries_that_differ_are_said_to_be_all() -> None:
    assert compare(tensor([1.0, 1.0]), tensor([2.0, 4.0]), axes="class") == (
        "out[class=1] is 4; expected 1. All 2 entries differ, this one the most."
    )


def test_two_numbers_that_differ_look_different() -> None:
    assert compare(tensor([1.0]), tensor([1.00002])) == "out[0] is 1.00002; expected 1."
    assert compare(tensor([2**53], "int64"), tensor([2**53 + 1], "int64")) == (
        "out[0] is 9007199254740993; expected 9007199254740992."
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_equals_nothing(bad: float) -> None:
    assert compare(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0, 2.0], [bad, bad]])) == (
        f"out[1, 0] is {bad} (2 of 4 entries are not finite)."
    )


def test_nan_does_not_equal_nan() -> None:
    assert compare(math.nan, math.nan) == "out: nan; expected nan."
    assert compare(tensor([math.nan]), tensor([math.nan])) is not None


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_no_finite_answer_is_right_where_the_reference_is_not_finite(odd: float) -> None:
    assert compare(tensor([odd, 1.0]), tensor([0.0, 1.0])) is not None
    assert compare(tensor([odd, 1.0]), tensor([0.0, 5.0])) is not None


def test_an_answer_need_be_finite_only_where_the_reference_is() -> None:
    masked = tensor([-math.inf, 1.0])
    assert compare(masked, masked) is None
    assert compare(masked, tensor([math.inf, 1.0])) is not None


def test_dtype_comes_after_shape_and_before_values() -> None:
    assert compare(tensor([1.0, 2.0]), tensor([9.0, 9.0], "float32")) == (
        "out is float32; expected float64, the dtype of the inputs and weights."
    )
    assert compare(tensor([1.0, 2.0]), tensor([9.0], "float32")) == (
        "out has shape (1,); expected (2,)."
    )
    assert compare(tensor([1.0], "float32"), tensor([1.0], "bfloat16")) == (
        "out is bfloat16; expected float32, the dtype of the inputs and weights."
    )


def test_the_device_is_compared() -> None:
    assert compare(tensor([1.0]), tensor([1.0], device="cuda:0")) == (
        "out is on cuda:0; expected cpu, where the inputs and weights are."
    )


def test_a_list_is_as_long_as_expected() -> None:
    one = tensor([1.0])
    assert compare([one, one], [one]) == "out has 1 items; expected 2."
    assert compare([one], [one, one]) == "out has 2 items; expected 1."
    assert compare([], [one]) == "out has 1 items; expected 0."


def test_the_axes_of_a_list_begin_with_its_own() -> None:
    want = [tensor([[1.0, 2.0]]), tensor([[3.0, 4.0]])]
    got = [tensor([[1.0, 2.0]]), tensor([[3.0, 5.0]])]
    assert compare(want, got, "attentions", "block batch query") == (
        "attentions[1][batch=0, query=1] is 5; expected 4. "
        "1 of 2 entries differ, this one the most."
    )


@pytest.mark.parametrize(
    ("expected", "received", "sentence"),
    [
        (
            tensor([1.0]),
            Other("a dict of 3"),
            "out is a dict of 3; expected a tensor of shape (1,).",
        ),
        (tensor([1.0]), [1.0], "out is a list or tuple of 1; expected a tensor of shape (1,)."),
        (tensor([1.0]), 1.0, "out is 1.0; expected a tensor of shape (1,)."),
        (
            tensor([1.0]),
            None,
            "out is None (what a function without a `return` gives); expected a tensor of shape (1,).",
        ),
        ([], tensor([]), "out is a tensor of shape (0,); expected a list or tuple of 0."),
        (None, tensor([1.0]), "out is a tensor of shape (1,); expected None."),
        (True, 1, "out is 1; expected True."),
        (1, 1.0, "out is 1.0; expected 1."),
        (True, False, "out: no; expected yes."),
        ("0, 2", "0, 1.25", "out: 0, 1.25; expected 0, 2."),
        ("", "Dropout2d", "out: Dropout2d; expected nothing."),
        ("Dropout", Other("a Foo"), "out is a Foo; expected 'Dropout'."),
        (tensor([True, False], "bool"), tensor([True, True], "bool"), None),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_another_kind_of_value_is_named(
    expected: Value, received: Value, sentence: str | None
) -> None:
    sentence = (
        sentence or "out[1] is True; expected False. 1 of 2 entries differ, this one the most."
    )
    assert compare(expected, received) == sentence


def test_a_gradient_that_does_not_arrive_is_explained() -> None:
    gradient = tensor([1.0])
    assert compare(gradient, None, "gradient of W_K.weight") == (
        "No gradient reaches W_K.weight. Is it used, and does nothing on the way "
        "(detach, .data, item, numpy, no_grad) cut the graph?"
    )
    assert compare(None, gradient, "gradient of W_K.weight") == (
        "A gradient reaches W_K.weight; none should."
    )
    assert compare(None, None, "gradient of W_K.weight") is None


def test_a_name_that_is_missing_is_said_and_one_too_many_is_not() -> None:
    one, both = Observed({"a": 1}), Observed({"a": 1, "b": 2})
    assert difference(both, one, {}, {}) == "b is missing."
    assert difference(one, both, {}, {}) is None


def test_remarks_are_not_compared() -> None:
    silent, talking = Observed({"a": 1, REMARKS: []}), Observed({"a": 1, REMARKS: ["One.", "Two."]})
    assert difference(silent, talking, {}, {}) is None
    assert difference(talking, Observed({"a": 1}), {}, {}) is None
    assert remarks(talking) == "One. Two."
    assert remarks(Observed({REMARKS: ["One.", 2, None]})) == "One."
    assert remarks(Observed({REMARKS: "no list"})) == ""


@pytest.mark.parametrize("dtype", FLOORS)
def test_the_tolerance_is_relative_to_the_largest_value_expected(dtype: str) -> None:
    tolerance = 8 * FLOORS[dtype]
    want = tensor([0.0, -8.0], dtype)
    assert compare(want, tensor([0.9 * tolerance, -8.0], dtype)) is None
    assert compare(want, tensor([1.1 * tolerance, -8.0], dtype)) is not None


def test_a_large_answer_does_not_loosen_the_tolerance() -> None:
    # allclose scales by its second argument: the other way round, 1e9 would allow an error of 1e3.
    assert compare(tensor([1.0, 1.0]), tensor([1e9, 1.001]), axes="class") == (
        "out[class=0] is 1e+09; expected 1. All 2 entries differ, this one the most."
    )


def test_where_only_zeros_are_expected_nothing_else_will_do() -> None:
    zeros = tensor([0.0, 0.0])
    assert compare(zeros, tensor([0.0, -0.0])) is None
    assert compare(zeros, tensor([0.0, TINY])) is not None


def test_an_empty_tensor_equals_an_empty_tensor_of_its_shape() -> None:
    assert compare(tensor(np.zeros((0, 3))), tensor(np.ones((0, 3)))) is None
    assert compare(tensor(np.zeros((0, 3))), tensor(np.ones((3, 0)))) is not None


def test_the_references_own_noise_in_float32_widens_the_tolerance_up_to_a_limit() -> None:
    def found(noise: float) -> float:
        expected = Observed({"out": [tensor([4.0])]})
        in_float32 = Observed({"out": [tensor([4.0 + noise], "float32")]})
        return tolerances(expected, in_float32)["out[0]"]

    assert found(0) == 4 * FLOORS["float64"]
    assert found(2**-14) == NOISE_FACTOR * 2**-14
    assert found(0.5) == 4 * MOST_TOLERANCE
    assert found(math.nan) == 4 * FLOORS["float64"]


def test_whole_numbers_and_booleans_have_no_tolerance() -> None:
    expected = Observed({"i": tensor([7], "int64"), "b": tensor([True], "bool")})
    assert tolerances(expected, expected) == {"i": 0.0, "b": 0.0}


EXPECTED = Observed(
    {
        "out": tensor([[1.0, 2.0], [3.0, 4.0]]),
        "count": tensor([1, 2], "int64"),
        "items": [tensor([1.0]), "text"],
        "gradient of x": None,
        "flag": True,
    }
)
# Whatever a forged frame may hold: an array of one type that claims to be another, and so on.
ANYTHING: st.SearchStrategy[Value] = st.recursive(
    st.builds(
        Tensor,
        st.sampled_from(["float64", "float16", "int64", "int8", "uint8", "bool"]).flatmap(
            lambda dtype: hnp.arrays(dtype, st.sampled_from([(2, 2), (2,), (1,), (), (0,)]))
        ),
        st.sampled_from(["float64", "int64", "junk"]),
        st.sampled_from(["cpu", "junk"]),
    )
    | st.builds(Other, st.text(max_size=3))
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)


def equal(one: Value, other: Value) -> bool:
    match one, other:
        case Tensor(), Tensor():
            return (one.dtype, one.device) == (other.dtype, other.device) and np.array_equal(
                one.array, other.array
            )
        case list(), list():
            return len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and one == other


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries(dict.fromkeys(EXPECTED.values, ANYTHING)))
def test_whatever_came_is_equal_or_gets_one_sentence(values: dict[str, Value]) -> None:
    for name, value in values.items():
        sentence = compare(EXPECTED.values[name], value, name)
        if equal(EXPECTED.values[name], value):
            assert sentence is None
        else:
            assert sentence is not None and sentence[-1] in ".?"
