"""What goes back to where a class came from, rendered from its results alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from autograder.errors import UsageError
from autograder.platforms import as_name
from autograder.reports.diff import read
from autograder.reports.files import by_submission, grades, people, write
from autograder.reports.gradebook import canvas
from autograder.reports.gradescope import Lateness, results_json
from autograder.reports.junit import junit
from autograder.results import Result, Student, total
from autograder.settings import CourseSettings

# The names of what is written into OUT, if nothing else is said.
TARGETS = {
    "canvas": "canvas.csv",
    "csv": "students.csv",
    "junit": "junit.xml",
    "gradescope": "gradescope",
}
Key = tuple[str, str | None]  # a submission's name, and the assignment

DEFAULTS = CourseSettings()
BOM = "\ufeff"  # without it, Excel takes a CSV file for CP949; Canvas takes it with one, too


def export(
    kind: str,
    out: Path,
    target: Path | None,
    gradebook: Path | None,
    titles: Sequence[str],
    settings: CourseSettings = DEFAULTS,
) -> tuple[Path, list[str]]:
    """Write it, with what late submissions lose taken off.

    Returns where it is, and what to know about it. Raises UsageError.
    """
    if kind != "canvas" and (gradebook or titles):
        raise UsageError(f"--gradebook and --column are for canvas; leave them out for {kind}.")
    landed = [_for_whom(result, settings) for result in read(out)]
    if not landed:
        raise UsageError(f"{out} holds no results; grade the class first.")
    late = {_key(one): lost for one in landed if (lost := _lateness(one, settings))}
    target = target or (out if out.is_dir() else out.parent) / TARGETS[kind]
    if not target.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}; make it, or choose another.")
    if target.is_dir() != (kind == "gradescope") and target.exists():
        raise UsageError(f"{target} is no {'file' if target.is_dir() else 'folder'}; give another.")
    notes: list[str] = []
    if kind == "gradescope":
        _write_gradescope(landed, target, settings, late)
        return target, notes
    landed = [
        replace(one, score=total([one.score * (1 - late[_key(one)].percent / 100)]))
        if _key(one) in late
        else one
        for one in landed
    ]
    if kind == "canvas":
        text, notes = canvas(landed, gradebook, titles)
        write(target, BOM + text)
    elif kind == "csv":
        about = {name: _about(group[0].student) for name, group in by_submission(landed).items()}
        write(target, BOM + grades(landed, about))
    else:
        write(target, junit(landed))
    if late:
        notes.append(
            f"points were taken off for lateness: {len(late)} results, as course.toml says."
        )
    return target, notes


def _key(result: Result) -> Key:
    return result.submission, result.assignment


def _for_whom(result: Result, settings: CourseSettings) -> Result:
    """With the first member of a group alone, where the course counts no groups."""
    members = result.student.members if result.student else ()
    return result if settings.groups or not members else replace(result, student=members[0])


def _lateness(result: Result, settings: CourseSettings) -> Lateness | None:
    """What a result loses; None where it was in time, or nobody knows when it came."""
    due = settings.deadlines.get(result.assignment or "")
    submitted = result.student.submitted if result.student else ""
    if due is None or not submitted:
        return None
    percent = settings.late.percent(datetime.fromisoformat(submitted), due)
    return Lateness(percent, due) if percent else None


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


def _write_gradescope(
    landed: Sequence[Result],
    target: Path,
    settings: CourseSettings,
    late: Mapping[Key, Lateness],
) -> None:
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
        lost = {str(r.assignment): late[_key(r)] for r in group if _key(r) in late}
        text = json.dumps(results_json(group, settings, lost), ensure_ascii=False, indent=1)
        write(target / name / "results.json", text)
