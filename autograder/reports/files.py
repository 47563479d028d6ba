"""The files of a graded class: results.jsonl, grades.csv, and what each student may see."""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from autograder import results
from autograder.check import GIVEN
from autograder.language import _
from autograder.limits import DEFAULT
from autograder.reports.text import csv_cell, fenced, markdown
from autograder.results import Result, Student, TodoResult
from autograder.settings import CourseSettings

MARKS = {
    results.PASSED: "✓",
    results.NOT_ATTEMPTED: "–",
}


class Output:
    """The folder OUT: results are added as they land, and put in order at the end.

    `again` names the submissions that are graded again: results of others that OUT holds are kept.
    Without it, all are graded, and OUT starts anew. The settings say what students see.
    """

    def __init__(self, folder: Path, settings: CourseSettings, again: Sequence[str] = ()) -> None:
        self.folder, self._settings = folder, settings
        folder.mkdir(parents=True, exist_ok=True)
        self._lines = folder / "results.jsonl"
        earlier = results.load(self._lines) if self._lines.is_file() else []
        kept = [r for r in earlier if r.submission not in again] if again else []
        if not again:
            for name in {result.submission for result in earlier}:
                shutil.rmtree(folder / "feedback" / name, ignore_errors=True)
        write(self._lines, lines(kept))

    def add(self, landed: Sequence[Result]) -> None:
        """One submission's results: a line each, and its feedback."""
        with self._lines.open("ab") as file:
            file.write(lines(landed).encode())  # at once, so that a kill leaves whole lines
        folder = self.folder / "feedback" / landed[0].submission
        folder.mkdir(parents=True, exist_ok=True)
        from autograder.reports.gradescope import results_json  # which uses what is below

        answer = results_json(landed, self._settings)
        write_json(folder / "results.json", answer)
        seen = [self._settings.show.seen(result) for result in landed]
        write(folder / "feedback.md", feedback(seen))

    def close(self) -> list[Result]:
        """Put the lines in order and write the table. Returns all results in order."""
        # Read again rather than held from the start: a large class takes no more memory than a small one.
        landed = sorted(results.load(self._lines), key=lambda result: result.submission)
        write(self._lines, lines(landed))
        # With a BOM, as Excel takes a CSV file without one for CP949.
        write(self.folder / "grades.csv", "\ufeff" + grades(landed))
        return landed


def lines(landed: Iterable[Result]) -> str:
    """Results as they stand in results.jsonl."""
    return "".join(result.to_line() + "\n" for result in landed)


def write(path: Path, text: str) -> None:
    """Write a whole file or nothing."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8", errors="replace", newline="")
        os.replace(part, path)
    except OSError as error:  # nobody knows of the part
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_json(path: Path, value: object) -> None:
    """Write a whole JSON file or nothing; no NaN and no Infinity gets into it."""
    write(path, json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def by_submission(landed: Iterable[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in landed:
        groups.setdefault(result.submission, []).append(result)
    return groups


def people(landed: Iterable[Result]) -> list[tuple[Student, list[Result]]]:
    """Everyone with the results that are theirs, each member of a group as well."""
    found = []
    for name, group in by_submission(landed).items():
        student = group[0].student or Student(name=name)
        found += [(member, group) for member in student.members or (student,)]
    return found


def grades(
    landed: Sequence[Result], about: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> str:
    """One row a submission: total, then each assignment and its TODOs. Absent is empty, not zero.

    `about`: more columns, by submission and title; they follow its name.
    """
    more = list(dict.fromkeys(title for cells in about.values() for title in cells))
    columns: list[str] = []
    for result in sorted(landed, key=lambda r: r.assignment or ""):
        if result.assignment:
            ids = [f"{result.assignment}.{todo.id}" for todo in result.todos if todo.max_score]
            columns += [c for c in (result.assignment, *ids) if c not in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", *more, "total", "out of", *columns, "notes"])
    for name, group in by_submission(landed).items():
        cells = {}
        for result in group:
            if result.assignment:
                cells[result.assignment] = f"{result.score:g}"
                cells |= {f"{result.assignment}.{t.id}": f"{t.score:g}" for t in result.todos}
        total = results.total([result.score for result in group])
        out_of = results.total([result.max_score for result in group])
        notes = " ".join(note for result in group for note in [*result.notes, *_waiting(result)])
        writer.writerow(
            [
                csv_cell(name),
                *(csv_cell(about[name].get(title, "")) for title in more),
                f"{total:g}",
                f"{out_of:g}",
                *(cells.get(column, "") for column in columns),
                csv_cell(notes),
            ]
        )
    return text.getvalue()


def _waiting(result: Result) -> list[str]:
    """What is still to be looked at by somebody, before the points are final."""
    ids = [todo.id for todo in result.todos if any(check.withheld for check in todo.checks)]
    sentence = _("Points of {assignment} are withheld until somebody has looked: {todos}.")
    return [sentence.format(assignment=result.assignment, todos=", ".join(ids))] if ids else []


def feedback(group: Sequence[Result]) -> str:
    """What a student reads: every TODO, and for what is wrong what was expected and what came."""
    parts = [f"# {markdown(group[0].submission)}"]
    for result in group:
        if result.assignment:
            parts.append(f"## {result.assignment}: {points(result)}")
        parts += [markdown(note) for note in result.notes]
        if why := unreadable(result):
            parts.append(fenced(why))
        for todo in result.todos:
            parts.append(f"### {mark(todo)} {todo.id}: {points(todo)} ({verdict(todo)})")
            parts += [] if why else explained(todo)
        if result.output:
            parts += [printed(result), fenced(result.output)]
    return "\n\n".join(parts) + "\n"


def explained(todo: TodoResult) -> list[str]:
    """What is to be said of a TODO, as paragraphs of Markdown."""
    parts = carried(todo) + named(todo)
    for title, message in complaints(todo):
        parts += [markdown(title), fenced(message)]
    return parts + [markdown(sentence) for sentence in not_run(todo)]


def points(graded: Result | TodoResult) -> str:
    """ "2.5 of 4"."""
    sentence = _("{score:g} of {most:g}")
    return sentence.format(score=graded.score, most=graded.max_score)


def verdict(todo: TodoResult) -> str:
    """The verdict in the current language; in the results it is always the same word."""
    words = {
        results.PASSED: _("passed"),
        results.FAILED: _("failed"),
        results.NOT_ATTEMPTED: _("not attempted"),
        results.ERROR: _("error"),
        results.TIMEOUT: _("timeout"),
        results.OUT_OF_MEMORY: _("out of memory"),
        results.CRASHED: _("crashed"),
        results.NOT_RUN: _("not run"),
    }
    return words.get(todo.verdict, todo.verdict)


def mark(todo: TodoResult) -> str:
    return MARKS.get(todo.verdict, "✗")


def carried(todo: TodoResult) -> list[str]:
    """A sentence for a TODO that keeps its points although one that it builds on is wrong."""
    if not todo.carried_from:
        return []
    sentence = _("Judged apart from {todos}, so that it costs nothing here.")
    others = (_("the code that was given") if id == GIVEN else id for id in todo.carried_from)
    return [sentence.format(todos=", ".join(others))]


def named(todo: TodoResult) -> list[str]:
    """What a TODO's mistake is, in Markdown; or what is certain of one that is not known."""
    if len(todo.feedback) < 2:
        return [*todo.feedback, *todo.evidence]
    head = _("There are two mistakes here:")
    if todo.undecided:
        head = _("This is one of these mistakes:")
    return [head, *(f"- {text}" for text in todo.feedback)]


def not_run(todo: TodoResult) -> list[str]:
    """A sentence for each check that could not be run."""
    free = _("Not run, and it costs nothing: {title} {reason}")
    withheld = _(
        "Not run: {title} {reason} Write it without that, or its points wait until your TA has looked."
    )
    return [
        (withheld if check.withheld else free).format(title=check.title, reason=check.message)
        for check in todo.checks
        if not check.ran
    ]


def printed(result: Result) -> str:
    """What stands above what a submission printed, of which no more than a part is kept."""
    if len(result.output) < DEFAULT.text:
        return _("Your code printed:")
    return _("Your code printed (only the beginning is shown):")


def unreadable(result: Result) -> str:
    """Why none of a file could be judged, in one message for all TODOs; "" if some of it could."""
    said = {check.message for todo in result.todos for check in todo.checks}
    wrong = all(t.verdict == results.ERROR and not named(t) for t in result.todos)
    return said.pop() if wrong and len(said) == 1 else ""


def complaints(todo: TodoResult) -> list[tuple[str, str]]:
    """What to say about a TODO's checks: (titles, message), each message once."""
    checked: dict[str, list[str]] = {}
    for check in todo.checks:
        if check.message and check.ran:
            checked.setdefault(check.message, []).append(check.title)
    if todo.verdict == results.NOT_ATTEMPTED:
        return []
    # Not the title alone: of a check that failed, what it says is not so.
    one, several = _("Checked: {title}"), _("Checked: {title} (and {count} more checks)")
    return [
        ((several if len(titles) > 2 else one).format(title=titles[0], count=len(titles) - 1), said)
        for said, titles in checked.items()
    ]
