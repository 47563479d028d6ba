"""Plain evidence on an answer that matches no known mistake: claims that hold to tolerance, no guess.

Each claim is about one tensor of one check, and is made only when all of its entries bear it out.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from autograder import results
from autograder.compare import shown, tensors
from autograder.course import Assignment, CheckInfo
from autograder.judge import Reference
from autograder.language import _
from autograder.observation import Observation, Observed
from autograder.results import TodoResult

Array = NDArray[np.float64]
Kind = tuple[str | int, ...]
Case = tuple[str, Array, Array, float, Sequence[str]]
MOST_CLAIMS = 3
LEAST_PLACES = 4  # of an axis: of three, one may be right or wrong by chance
MOST_AXES = 4  # for which all orders are tried


@np.errstate(all="ignore")  # an answer may hold numbers that overflow here
def evidence(
    assignment: Assignment,
    todo: TodoResult,
    reference: Reference,
    look: Callable[[CheckInfo, bool, int], Observation],
    apart: bool,
) -> tuple[str, ...]:
    """What can be said for certain of a wrong TODO, most telling first."""
    if todo.verdict == results.ERROR:
        return ()
    wrong: dict[str, list[Case]] = {}
    right_for_some: set[str] = set()
    modes = Modes()
    for check in assignment.todos[todo.id]:
        mode = apart and bool(check.apart)
        if (check.id, mode) not in reference:
            continue
        expected, received = reference[check.id, mode], look(check, mode, 0)
        if not isinstance(received, Observed):
            continue
        for name, want, got in _pairs(expected.observed, received):
            tolerance = expected.tolerances.get(name, 0.0)
            right = _near(want, got, tolerance)
            modes.note(name, right)
            label = name.partition(",")[0]
            if right:
                right_for_some.add(label)
            else:
                axes = assignment.axes.get(name, "").split()
                wrong.setdefault(label, []).append((name, want, got, tolerance, axes))
    found = list(modes.claims())
    for label, cases in wrong.items():
        # Right for another input: then it is about the input for which it is wrong.
        named = [name if label in right_for_some else label for name, *_ in cases]
        claims = [dict(_claims(shown(n), *case[1:])) for n, case in zip(named, cases, strict=True)]
        for kind, sentence in claims[0].items():
            if not all(kind in others for others in claims):
                continue  # what holds for one of several inputs only is chance
            without_name = {
                others[kind].replace(shown(name), "", 1)
                for name, others in zip(named, claims, strict=True)
            }
            if len(without_name) > 1:
                sentence += " " + _("(Numbers of one input; for others they differ.)")
            found.append(sentence)
    return tuple(found[:MOST_CLAIMS])


class Modes:
    """Right in evaluation and wrong in training?"""

    def __init__(self) -> None:
        self.wrong_in_training = self.right_in_evaluation = self.wrong_in_evaluation = False

    def note(self, name: str, right: bool) -> None:
        training = "in training" in name
        self.wrong_in_training |= training and not right
        self.right_in_evaluation |= right and not training
        self.wrong_in_evaluation |= not right and not training

    def claims(self) -> Iterator[str]:
        if self.wrong_in_training and self.right_in_evaluation and not self.wrong_in_evaluation:
            yield _("It is right in evaluation, and wrong only in training mode.")


def _pairs(expected: Observed, received: Observed) -> Iterator[tuple[str, Array, Array]]:
    got = dict(tensors(received))
    for name, want in tensors(expected):
        if name in got and want.array.dtype.kind == "f" and got[name].array.dtype.kind == "f":
            yield name, want.array.astype(float), got[name].array.astype(float)


def _claims(
    label: str, want: Array, got: Array, tolerance: float, axes: Sequence[str]
) -> Iterator[tuple[Kind, str]]:
    """What is certain of a wrong tensor: the kind of each claim, and its sentence."""
    if want.size < 2 or not np.isfinite(want).all() or not np.isfinite(got).all():
        return
    if len(axes) != want.ndim:
        axes = [_("axis {number}").format(number=i) for i in range(want.ndim)]
    if order := _permuted(want, got, tolerance):
        came = ", ".join(axes[i] for i in order)
        sentence = _("{name} has its axes in another order: they come as ({axes}).")
        yield ("order", *order), sentence.format(name=label, axes=came)
    if want.shape != got.shape:
        return
    if factor := _factor(want, got, tolerance):
        sentence = _("{name} is {times} what is expected, in every entry.")
        yield ("factor",), sentence.format(name=label, times=_times(factor))
    off = got - want
    if np.abs(off - off.flat[0]).max() <= tolerance:
        sentence = _("{name} is off by the same amount everywhere: {amount:+.4g}.")
        yield ("offset",), sentence.format(name=label, amount=off.flat[0])
    for axis, size in enumerate(want.shape):
        for by in (1, -1) if size > 2 else ():
            if _near(np.roll(want, by, axis), got, tolerance):
                sentence = _("{name} is shifted by {by:+d} along {axis}.")
                yield ("shift", axis, by), sentence.format(name=label, by=by, axis=axes[axis])
        yield from _one_place(label, want, got, tolerance, axis, axes[axis])
    yield from _sums(label, want, got, tolerance, axes)


def _permuted(want: Array, got: Array, tolerance: float) -> tuple[int, ...]:
    """The order of the expected axes in which the numbers came, if it is another one."""
    if want.ndim > MOST_AXES or sorted(want.shape) != sorted(got.shape):
        return ()
    for order in itertools.permutations(range(want.ndim)):
        moved = want.transpose(order)
        if order != tuple(range(want.ndim)) and _near(moved, got, tolerance):
            return order
    return ()


def _factor(want: Array, got: Array, tolerance: float) -> float:
    place = np.unravel_index(int(np.abs(want).argmax()), want.shape)
    if abs(want[place]) <= 1e3 * tolerance:
        return 0.0
    factor = float(got[place] / want[place])
    return factor if abs(factor) > 1e-6 and _near(factor * want, got, tolerance) else 0.0


def _times(factor: float) -> str:
    """ "3.162 (= √10) times": a number that a square or a fraction makes recognisable."""
    size, number = abs(factor), f"{factor:.4g}"
    for value, text in ((size, ""), (1 / size, "1/")):
        for n in range(2, 1025):
            if math.isclose(value, math.sqrt(n), rel_tol=1e-5):
                root = math.isqrt(n)
                known = f"{text}{root}" if root * root == n else f"{text}√{n}"
                if known != number:
                    return _("{factor} times (= {known})").format(factor=number, known=known)
    return _("{factor} times").format(factor=number)


def _one_place(
    label: str, want: Array, got: Array, tolerance: float, axis: int, named: str
) -> Iterator[tuple[Kind, str]]:
    """Right, or wrong, at one place of an axis only."""
    others = tuple(i for i in range(want.ndim) if i != axis)
    wrong = np.abs(want - got).max(axis=others) > tolerance
    if len(wrong) < LEAST_PLACES:
        return
    if wrong.sum() == 1:
        place = int(wrong.argmax())
        sentence = _("{name} is wrong only at {axis} = {place}.")
        yield ("wrong at", axis, place), sentence.format(name=label, axis=named, place=place)
    elif wrong.sum() == len(wrong) - 1:
        place = int(wrong.argmin())
        if np.abs(want).max(axis=others)[place] <= tolerance:
            return  # nothing is easily right
        sentence = _("{name} is right only at {axis} = {place}.")
        yield ("right at", axis, place), sentence.format(name=label, axis=named, place=place)


def _sums(
    label: str, want: Array, got: Array, tolerance: float, axes: Sequence[str]
) -> Iterator[tuple[Kind, str]]:
    """What should sum to 1 along the last axis, and does not."""
    slack = max(tolerance * want.shape[-1], 1e-9)
    sums = got.sum(-1)
    if want.shape[-1] < 2 or np.abs(want.sum(-1) - 1).max() > slack:
        return
    if np.abs(sums - 1).max() <= slack:
        return
    sentence = _(
        "{name} should sum to 1 along {axis}; it sums to {least:.4g} up to {most:.4g}."
    ).format(name=label, axis=axes[-1], least=sums.min(), most=sums.max())
    yield ("sum",), sentence
    for axis in range(want.ndim - 1):
        if want.shape[axis] > 1 and np.abs(got.sum(axis) - 1).max() <= slack:
            sentence = _("{name} sums to 1 along {axis} instead.")
            yield ("sum", axis), sentence.format(name=label, axis=axes[axis])


def _near(want: Array, got: Array, tolerance: float) -> bool:
    return want.shape == got.shape and bool(np.abs(want - got).max(initial=0) <= tolerance)
