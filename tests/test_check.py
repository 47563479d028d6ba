"""What checks are made of: the helpers that turn a student's values into observations."""

import itertools

import pytest
import torch

from autograder.check import distinct
from autograder.observation import Tensor
from tests.conftest import ASSIGNMENTS, Grader

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("values", [*itertools.permutations([0.0, 4 / 3, INF, NAN])])
def test_distinct_values_stand_in_one_order_also_with_nan(values: tuple[float, ...]) -> None:
    # Several NaN and a set of strings: the order must not hang on how the strings are hashed.
    assert distinct(torch.tensor([*values, NAN, 1.0])) == "0, 1, 1.33, inf, nan"


def test_of_many_distinct_values_the_first_few_are_told() -> None:
    assert distinct(-torch.arange(10.0)) == "0, 1, 2, 3, 4, 5, …"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_tensor_that_a_student_reads_of_has_names_for_its_axes(
    grader: Grader, name: str
) -> None:
    assignment = grader.assignments[name]
    judged = {check.id for check in assignment.checks if check.points}
    nameless = {
        f"{check}: {label}"
        for (check, _), expected in grader.reference(name).items()
        for label, value in expected.observed.values.items()
        if check in judged and isinstance(value, Tensor) and value.array.ndim > 1
        if len(assignment.axes.get(label, "").split()) != value.array.ndim
    }
    assert not nameless
