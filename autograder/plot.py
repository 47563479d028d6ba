"""`check --plot`: what was expected and what came go in, a picture of both beside the work comes out.

One row for each TODO that is wrong (or, if none is, for each): the first tensor in which it shows.
Its labels are English, as the fonts of matplotlib have no Hangul.
"""

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from autograder import results
from autograder.compare import difference, tensors
from autograder.course import Assignment, CheckInfo
from autograder.errors import UsageError
from autograder.judge import Observe, Reference
from autograder.language import _
from autograder.observation import Observed
from autograder.results import Result, TodoResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

Array = NDArray[Any]

WIDTH, ROW = 10.0, 2.9  # inches
MOST_TITLE = 100  # characters
MAP = "query", "key"  # the axes of an attention map


@dataclass(frozen=True, eq=False)
class Row:
    """A tensor of one check of a TODO; `received` is None where nothing came."""

    todo: TodoResult
    check: CheckInfo
    name: str
    axes: tuple[str, ...]
    expected: Array
    received: Array | None
    differs: bool


def require_matplotlib() -> None:
    """Raises UsageError where there is none."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            _("--plot draws with matplotlib, which is not installed; run: pip install matplotlib.")
        )


def rows(
    assignment: Assignment, reference: Reference, result: Result, observe: Observe
) -> Iterator[Row]:
    """What to draw of a result; `observe` asks again for what the checks show."""
    wrong = [todo for todo in result.todos if todo.verdict != results.PASSED]
    apart_from = {todo.id for todo in wrong}
    for todo in wrong or result.todos:
        failed = {check.id for check in todo.checks if not check.passed}
        found = [
            row
            for check in assignment.todos[todo.id]
            if check.id in failed or not failed
            for row in _rows(
                todo, check, assignment, reference, observe, bool(apart_from & set(check.apart))
            )
        ]
        # Where no tensor differs (nothing came, or it is right), any will do.
        found = [row for row in found if row.differs] or found
        found = [row for row in found if row.check is found[0].check]
        # The weights say more than what they weigh.
        found.sort(key=lambda row: row.axes[-2:] != MAP)
        yield from found[:1]


def _rows(
    todo: TodoResult,
    check: CheckInfo,
    assignment: Assignment,
    reference: Reference,
    observe: Observe,
    apart: bool,
) -> Iterator[Row]:
    """Every tensor of a check."""
    expected, received = reference[check.id, apart], observe(check, apart)
    came = dict(tensors(received)) if isinstance(received, Observed) else {}
    for name, tensor in tensors(expected.observed):
        axes = tuple(assignment.axes.get(name.partition("[")[0], "").split())
        axes = axes[max(len(axes) - tensor.array.ndim, 0) :]  # a list has an axis more
        if other := came.get(name):
            one, two = Observed({name: tensor}), Observed({name: other})
            differs = bool(difference(one, two, expected.tolerances, {}))
            yield Row(todo, check, name, axes, tensor.array, other.array, differs)
        else:
            yield Row(todo, check, name, axes, tensor.array, None, False)


def draw(assignment: str, found: Sequence[Row], file: Path) -> None:
    """Draw the rows into a PNG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, ROW * len(found) + 0.4), layout="constrained")
    figure.suptitle(assignment, fontweight="bold")
    parts = np.atleast_1d(np.asarray(figure.subfigures(len(found), 1), dtype=object))
    for part, row in zip(parts, found, strict=True):
        _draw_row(part, row)
    figure.savefig(file, dpi=110)


def _draw_row(part: "SubFigure", row: Row) -> None:
    title = row.check.title
    short = title if len(title) <= MOST_TITLE else f"{title[: MOST_TITLE - 1]}…"
    right = row.todo.verdict == results.PASSED
    mark, colour = ("✓", "tab:green") if right else ("✗", "tab:red")
    part.suptitle(
        f"{mark} {row.todo.id}: {short}", x=0.01, ha="left", fontsize="medium", color=colour
    )
    left, middle, last = part.subplots(1, 3)
    same = row.received is not None and row.received.shape == row.expected.shape
    error = _error(row.expected, row.received) if same else None
    index, axes = _slice(row.expected, row.axes, error)
    where = _where(row.name, row.axes, index)
    expected = row.expected[index].squeeze()
    received = None if row.received is None else row.received[index] if same else row.received
    shown = [expected] if received is None else [expected, received.squeeze()]
    style = _style(row.name, shown)
    _panel(left, expected, axes, style, f"expected {where}")
    if received is None:
        _words(middle, "received", row.todo.verdict.replace(results.FAILED, "nothing"))
    elif same:
        _panel(middle, received.squeeze(), axes, style, f"received {where}")
    else:
        index, names = _slice(received, ("",) * received.ndim, None)
        _panel(middle, received[index].squeeze(), names, style, f"received: shape {received.shape}")
    if error is None or received is None:
        _words(last, "received − expected", "" if received is None else "another shape")
        return
    off = (received.astype(float) - row.expected[index].astype(float)).squeeze()
    # Without a mistake there is only noise, which is nothing on the scale of what is expected.
    scale = [off] if row.differs else [expected]
    _panel(last, off, axes, _style("", scale), "received − expected", colour="tab:red")


def _error(expected: Array, received: Array | None) -> Array:
    assert received is not None
    with np.errstate(invalid="ignore"):
        error = np.abs(received.astype(float) - expected.astype(float))
    return np.where(np.isnan(error), np.inf, error)


def _slice(
    array: Array, axes: tuple[str, ...], error: Array | None
) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Which part of a tensor to draw, where it is most off: at most two axes, and their names."""
    names = axes if len(axes) == array.ndim else ("",) * array.ndim
    long = [axis for axis in range(array.ndim) if array.shape[axis] > 1]
    # Of scores, codes and the like: one sample as bars. Of anything else: the last two axes.
    keep = long[1:] if len(long) == 2 and names[long[0]] == "batch" else long[-2:]
    at = np.unravel_index(int(np.argmax(error)), array.shape) if error is not None else None
    index = tuple(
        slice(None) if axis in keep or axis not in long else int(at[axis]) if at else 0
        for axis in range(array.ndim)
    )
    return index, tuple(names[axis] for axis in keep)


def _where(name: str, axes: tuple[str, ...], index: tuple[Any, ...]) -> str:
    """`attention[batch=1]`: which part of the tensor is drawn."""
    name, _comma, case = name.partition(", ")
    chosen = [
        f"{axis}={i}" if axis.isidentifier() else str(i)
        for axis, i in zip(axes or [""] * len(index), index, strict=True)
        if isinstance(i, int)
    ]
    return name + (f"[{', '.join(chosen)}]" if chosen else "") + (f"\n({case})" if case else "")


def _style(name: str, arrays: Sequence[Array]) -> dict[str, Any]:
    """Colours and their range, the same for what is expected and what came."""
    flat = np.concatenate([np.asarray(array, dtype=float).ravel() for array in arrays])
    finite = flat[np.isfinite(flat)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if name.startswith("img"):
        return {"cmap": "gray", "vmin": least, "vmax": most}
    if name and least >= 0:
        return {"cmap": "viridis", "vmin": 0.0, "vmax": most or 1.0}
    bound = max(abs(least), abs(most)) or 1.0
    return {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound}


def _panel(
    axes: "Axes",
    array: Array,
    names: tuple[str, ...],
    style: dict[str, Any],
    title: str,
    colour: str = "tab:blue",
) -> None:
    axes.set_title(title, fontsize="small")
    axes.tick_params(labelsize="x-small")
    array = np.asarray(array, dtype=float)
    if array.ndim == 2:
        aspect: Literal["equal", "auto"] = "equal" if style["cmap"] == "gray" else "auto"
        image = axes.imshow(array, aspect=aspect, interpolation="nearest", **style)
        bar = axes.figure.colorbar(image, ax=axes)
        bar.ax.tick_params(labelsize="x-small")
        axes.set_ylabel(names[0], fontsize="small")
        axes.locator_params(integer=True)
    else:
        bars = np.atleast_1d(array)
        axes.bar(np.arange(bars.size), np.nan_to_num(bars), color=colour)
        axes.axhline(0, color="grey", linewidth=0.8)
        span = 1.08 * max(abs(style["vmin"]), abs(style["vmax"]))
        axes.locator_params(integer=True, axis="x")
        axes.set_ylim(0 if style["vmin"] >= 0 else -span, span)
    axes.set_xlabel(names[-1] if names else "", fontsize="small")


def _words(axes: "Axes", title: str, words: str) -> None:
    axes.set_title(title, fontsize="small")
    axes.set_axis_off()
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes)
