"""Gradescope's results.json: the results of one submission in, the object to write out.

A test for each TODO, with its points. A check that students see at another time than its TODO has a
test of its own, without points.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from autograder import results
from autograder.language import _
from autograder.reports.files import explained, mark, printed, verdict
from autograder.reports.text import fenced, markdown, plain
from autograder.results import Result, TodoResult
from autograder.settings import CourseSettings, Show


@dataclass(frozen=True)
class Lateness:
    """What an assignment loses, in percent of its points, as it was due at this moment."""

    percent: float
    due: datetime


def results_json(
    group: Sequence[Result], settings: CourseSettings, late: Mapping[str, Lateness] | None = None
) -> dict[str, Any]:
    """The whole object. `late`: the assignments that lose points, which the sum of tests does not."""
    seen = [settings.show.seen(result) for result in group]
    said: list[str] = []
    scores: list[float] = []
    tests: list[dict[str, Any]] = []
    for number, result in enumerate(seen, start=1):
        said += [markdown(note) for note in result.notes]
        lost = (late or {}).get(result.assignment or "")
        if lost:
            sentence = _("{name} came after {due}: {percent:g} % of its points are taken off.")
            due = lost.due.isoformat(sep=" ", timespec="minutes")
            text = sentence.format(name=result.assignment, due=due, percent=lost.percent)
            said.append(markdown(text))
        scores.append(result.score * (1 - (lost.percent if lost else 0) / 100))
        if result.output:
            said += [printed(result), fenced(result.output)]
        for place, todo in enumerate(result.todos, start=1):
            tests += _tests(f"{number}.{place}", str(result.assignment), todo, settings.show)
    return {
        "score": results.total(scores),
        "execution_time": round(sum(result.seconds for result in group), 3),
        "output": "\n\n".join(said),
        "output_format": "md",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _tests(number: str, name: str, todo: TodoResult, show: Show) -> Iterator[dict[str, Any]]:
    visibility = show.visibility(name, todo.id)
    ids = {c.id: show.visibility(name, todo.id, c.id) for c in todo.checks}
    together = tuple(c for c in todo.checks if ids[c.id] == visibility)
    said = [f"{mark(todo)} {verdict(todo)}", *explained(replace(todo, checks=together))]
    yield {
        "name": plain(f"{name}: {todo.id}"),
        "number": number,
        "score": todo.score,
        "max_score": todo.max_score,
        "status": "passed" if todo.verdict == results.PASSED else "failed",
        "output": "\n\n".join(said),
        "output_format": "md",
        "visibility": visibility,
    }
    for place, check in enumerate((c for c in todo.checks if c not in together), start=1):
        alone = replace(todo, checks=(check,), carried_from=(), feedback=(), evidence=())
        yield {
            "name": plain(f"{name}: {todo.id}: {check.id}"),
            "number": f"{number}.{place}",
            "score": 0.0,
            "max_score": 0.0,
            "status": "passed" if check.passed else "failed",
            "output": "\n\n".join(explained(alone) or [markdown(check.title)]),
            "output_format": "md",
            "visibility": ids[check.id],
        }
