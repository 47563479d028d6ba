"""What differs between two gradings: whose mark changed, and what it was that changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder import results
from autograder.errors import UsageError
from autograder.reports.text import one_line
from autograder.results import REAL, SIMULATED, Result, TodoResult

DIGESTS = {
    "submission": "the submission changed",
    "checks": "the checks changed",
    "reference": "the solution changed",
    "mistakes": "the catalogue of mistakes changed",
    "settings": "course.toml changed",
    "engine": "the grader changed",
    "limits": "other limits",
}
HEADS = ("submission", "assignment", "TODO", "points", "verdict", "why")


@dataclass(frozen=True)
class Change:
    """One row: a TODO that is judged otherwise, or an assignment that only one of the two holds."""

    submission: str
    assignment: str
    todo: str
    points: str
    verdict: str
    why: str
    marked: bool  # the mark is another
    alone: str = ""  # the grading that alone holds the submission: OLD or NEW


def read(path: Path) -> list[Result]:
    """The results in a folder, or in a results.jsonl. Raises UsageError."""
    file = path / "results.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"{file} does not exist; give a folder that 'autograder grade' wrote to.")
    return results.load(file)


def changes(old: Sequence[Result], new: Sequence[Result]) -> list[Change]:
    """Every difference between two gradings, in the order of the submissions' names."""
    before = {(r.submission, r.assignment or ""): r for r in old}
    after = {(r.submission, r.assignment or ""): r for r in new}
    in_old, in_new = {name for name, _ in before}, {name for name, _ in after}
    in_both = in_old & in_new
    found: list[Change] = []
    for pair in sorted(before.keys() | after.keys()):
        if not pair[1] and pair[0] in in_both:
            continue  # nothing to grade; what there is now, or was, has a row of its own
        match before.get(pair), after.get(pair):
            case Result() as one, Result() as other:
                found += _todos(one, other)
            case Result() as one, None:
                alone = "" if pair[0] in in_new else "OLD"
                found.append(_alone(one, f"{_points(one)} → –", "only in OLD", alone))
            case None, Result() as other:
                alone = "" if pair[0] in in_old else "NEW"
                found.append(_alone(other, f"– → {_points(other)}", "only in NEW", alone))
    return found


def table(found: Sequence[Change], count: int) -> RenderableType:
    """The differences, and a line that counts them; `count`: how many submissions both hold."""
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in HEADS:
        rows.add_column(head, overflow="fold", no_wrap=head in HEADS[1:4])
    for c in found:
        cells = c.submission, c.assignment, c.todo, c.points, c.verdict, c.why
        rows.add_row(*(Text(one_line(cell)) for cell in cells))
    who = len({c.submission for c in found if c.marked and not c.alone})
    line = f"The marks of {who} of {count} submissions changed" if who else "No mark changed"
    for grading in ("OLD", "NEW"):
        if alone := len({c.submission for c in found if c.alone == grading}):
            line += f"; {alone} more {'is' if alone == 1 else 'are'} only in {grading}"
    if others := sum(not c.marked and not c.alone for c in found):
        line += f"; in {others} more rows only the verdict or the diagnosis"
    return Group(rows, Text(""), Text(f"{line}.")) if found else Text(f"{line}.")


def _todos(old: Result, new: Result) -> list[Change]:
    before, after = ({todo.id: todo for todo in result.todos} for result in (old, new))
    found = []
    for id in {**before, **after}:
        one, other = before.get(id), after.get(id)
        if _judged(one) == _judged(other):
            continue
        points = _points(one), _points(other)
        verdicts = [todo.verdict if todo else "–" for todo in (one, other)]
        why = _why(old, new)
        if points[0] == points[1] and verdicts[0] == verdicts[1]:
            why = f"another diagnosis: {_diagnosis(one)} → {_diagnosis(other)}; {why}"
        pair = new.submission, new.assignment or ""
        marked = points[0] != points[1]
        found.append(Change(*pair, id, _arrow(*points), _arrow(*verdicts), why, marked))
    return found


def _why(old: Result, new: Result) -> str:
    """What is known to be different, of all that decides a result."""
    if not (old.versions and new.versions):
        return "unknown, as an earlier version graded one of them"
    names = sorted(old.versions.keys() | new.versions.keys())
    found = [
        *(why for what, why in DIGESTS.items() if old.digests.get(what) != new.digests.get(what)),
        *(f"another version of {n}" for n in names if old.versions.get(n) != new.versions.get(n)),
        *(["another seed"] if old.seed != new.seed else []),
        *(["another tier"] if old.tier != new.tier else []),
        *(
            ["a real GPU, or a simulated one"]
            if {old.device, new.device} == {REAL, SIMULATED}
            else []
        ),
    ]
    return ", ".join(found) or "nothing that decides it changed; the machine's load may have"


def _alone(result: Result, points: str, why: str, alone: str) -> Change:
    marked = result.assignment is not None
    return Change(result.submission, result.assignment or "", "", points, "", why, marked, alone)


def _judged(todo: TodoResult | None) -> tuple[object, ...]:
    return (todo.score, todo.max_score, todo.verdict, todo.diagnosis) if todo else ()


def _points(graded: Result | TodoResult | None) -> str:
    return f"{graded.score:g}/{graded.max_score:g}" if graded and graded.max_score else "–"


def _diagnosis(todo: TodoResult | None) -> str:
    return (" + ".join(todo.diagnosis) if todo else "") or "none"


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"
