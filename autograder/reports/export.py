"""What goes back to where a class came from, rendered from its results alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.errors import UsageError
from autograder.platforms import as_name
from autograder.reports.diff import read
from autograder.reports.files import by_submission, grades, gradescope, people, write
from autograder.reports.gradebook import canvas
from autograder.reports.junit import junit
from autograder.results import Result, Student

# The names of what is written into OUT, if nothing else is said.
TARGETS = {
    "canvas": "canvas.csv",
    "csv": "students.csv",
    "junit": "junit.xml",
    "gradescope": "gradescope",
}
BOM = "\ufeff"  # without it, Excel takes a CSV file for CP949; Canvas takes it with one, too


def export(
    kind: str, out: Path, target: Path | None, gradebook: Path | None, titles: Sequence[str]
) -> tuple[Path, list[str]]:
    """Write it. Returns where it is, and what to know about it. Raises UsageError."""
    if kind != "canvas" and (gradebook or titles):
        raise UsageError(f"--gradebook and --column are for canvas; leave them out for {kind}.")
    landed = read(out)
    if not landed:
        raise UsageError(f"{out} holds no results; grade the class first.")
    target = target or (out if out.is_dir() else out.parent) / TARGETS[kind]
    if not target.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}; make it, or choose another.")
    if target.is_dir() != (kind == "gradescope") and target.exists():
        raise UsageError(f"{target} is no {'file' if target.is_dir() else 'folder'}; give another.")
    notes: list[str] = []
    if kind == "canvas":
        text, notes = canvas(landed, gradebook, titles)
        write(target, BOM + text)
    elif kind == "csv":
        about = {name: _about(group[0].student) for name, group in by_submission(landed).items()}
        write(target, BOM + grades(landed, about))
    elif kind == "junit":
        write(target, junit(landed))
    else:
        _write_gradescope(landed, target)
    return target, notes


def _about(student: Student | None) -> Mapping[str, str]:
    """Columns on a student: what is not known is empty."""
    if not student:
        return {}
    late = {None: "", True: "yes", False: "no"}[student.late]
    cells = {"name": student.name, **student.ids, "late": late, "submitted": student.submitted}
    if student.members:
        cells["members"] = "; ".join(_with_ids(member) for member in student.members)
    return cells


def _with_ids(member: Student) -> str:
    ids = ", ".join(member.ids.values())
    return f"{member.name} ({ids})" if ids else member.name


def _write_gradescope(landed: Sequence[Result], target: Path) -> None:
    """A folder for each student, also of a group, with the results.json that is theirs."""
    target.mkdir(exist_ok=True)
    for earlier in target.glob("*/results.json"):  # of another export
        earlier.unlink()
    names: set[str] = set()
    for student, group in people(landed):
        one = name = as_name(student.name, group[0].submission)
        number = 1
        while name.casefold() in names:
            number += 1
            name = f"{one} [{number}]"
        names.add(name.casefold())
        (target / name).mkdir(exist_ok=True)
        text = json.dumps(gradescope(group), ensure_ascii=False, indent=1)
        write(target / name / "results.json", text)
