"""What checks are made of: the helpers that turn a student's values into observations."""

import itertools

import pytest
import torch

from autograder.check import distinct

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("values", [*itertools.permutations([0.0, 4 / 3, INF, NAN])])
def test_distinct_values_stand_in_one_order_also_with_nan(values: tuple[float, ...]) -> None:
    # Several NaN and a set of strings: the order must not hang on how the strings are hashed.
    assert distinct(torch.tensor([*values, NAN, 1.0])) == "0, 1, 1.33, inf, nan"


def test_of_many_distinct_values_the_first_few_are_told() -> None:
    assert distinct(-torch.arange(10.0)) == "0, 1, 2, 3, 4, 5, …"
