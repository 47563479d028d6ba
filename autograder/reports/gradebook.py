"""Canvas's gradebook: results in, the CSV file that its gradebook imports out.

Canvas finds a student by its own ID, else by SIS User ID or SIS Login ID, else by the exact name; so
does this, in a gradebook that was downloaded from it. There only marks change: what Canvas wrote is
taken for what it is, and goes back as it came.
"""

import csv
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder import results
from autograder.errors import UsageError
from autograder.reports.files import people
from autograder.reports.text import csv_cell
from autograder.results import Result, Student

POINTS = "    Points Possible"
SIS = "SIS User ID", "SIS Login ID"


@dataclass(frozen=True)
class Column:
    """Which marks go under a title; of all assignments together where `assignment` is None."""

    title: str
    assignment: str | None

    def mark(self, group: Sequence[Result]) -> float | None:
        """None where nothing was graded."""
        graded = [r for r in group if r.assignment and self.assignment in (None, r.assignment)]
        return results.total([r.score for r in graded]) if graded else None

    def out_of(self, landed: Sequence[Result]) -> float:
        most: dict[str, float] = {}
        for result in landed:
            if result.assignment and self.assignment in (None, result.assignment):
                most[result.assignment] = max(most.get(result.assignment, 0), result.max_score)
        return results.total(list(most.values()))


@dataclass(frozen=True)
class Gradebook:
    """A gradebook as Canvas exports it; `students` are the numbers of the rows that are one's."""

    header: list[str]
    rows: list[list[str]]
    delimiter: str
    students: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> "Gradebook":
        """Raises UsageError for anything else."""
        if not path.is_file():
            raise UsageError(f"{path} does not exist; give the gradebook that Canvas exported.")
        wrong = UsageError(
            f"{path} is no gradebook of Canvas's; export it there (Entire Gradebook)."
        )
        try:
            text = path.read_text("utf-8-sig")
            delimiter = ";" if text.startswith("Student;") else ","
            table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except (UnicodeDecodeError, csv.Error):
            raise wrong from None
        header, rows = (table[0], table[1:]) if table else ([], [])
        if header[:2] != ["Student", "ID"] or "Section" not in header:
            raise wrong
        rows = [row + [""] * (len(header) - len(row)) for row in rows if any(row)]
        named = (n for n, row in enumerate(rows) if row[0].strip())
        students = tuple(n for n in named if "Points Possible" not in rows[n][0])
        return cls(header, rows, delimiter, students)

    @classmethod
    def of(cls, landed: Sequence[Result]) -> "Gradebook":
        """One with the students that were graded, and no marks yet."""
        them = [student for student, _group in people(landed)]
        with_sis = any("sid" in student.ids for student in them)
        header = ["Student", "ID", *SIS[not with_sis :], "Section"]
        rows = [[POINTS, *[""] * (len(header) - 1)]]
        for student in them:
            sis = [student.ids.get("sid", "")] if with_sis else []
            login = student.ids.get("email") or student.ids.get("nbgrader") or ""
            cells = [student.name, student.ids.get("canvas", ""), *sis, login, ""]
            rows.append([csv_cell(cell) for cell in cells])
        return cls(header, rows, ",", tuple(range(1, len(rows))))

    def text(self) -> str:
        file = io.StringIO()
        writer = csv.writer(file, delimiter=self.delimiter, lineterminator="\n")
        writer.writerows([self.header, *self.rows])
        return file.getvalue()

    def find(self, student: Student) -> int | None:
        """The row of a student, if there is exactly one."""
        ids = student.ids
        if "canvas" in ids:
            return self._only("ID", {ids["canvas"]})
        # A submission that no platform named is named by a TA: after a login or a number, often.
        kinds = ("sid", "email", "nbgrader")
        known = {ids[kind] for kind in kinds if kind in ids} if ids else {student.name}
        for column in SIS:
            if (found := self._only(column, known)) is not None:
                return found
        name = _normal(student.name)
        them = [n for n in self.students if name in _names(self.rows[n][0])]
        return them[0] if len(them) == 1 else None

    def _only(self, column: str, wanted: set[str]) -> int | None:
        """The row with one of these ids in a column, if there is exactly one."""
        if column not in self.header:
            return None
        at = self.header.index(column)
        them = [n for n in self.students if self.rows[n][at].strip() in wanted]
        return them[0] if len(them) == 1 else None


def canvas(
    landed: Sequence[Result], gradebook: Path | None, titles: Sequence[str]
) -> tuple[str, list[str]]:
    """The text of the file, and what to know about it. Raises UsageError."""
    book = Gradebook.read(gradebook) if gradebook else Gradebook.of(landed)
    columns = _columns(landed, titles, book.header if gradebook else None)
    notes = [
        f"{column.title} is not in {gradebook}, and becomes a new assignment in Canvas; to fill "
        f"one that is there, give --column {column.assignment}=TITLE."
        for column in columns
        if gradebook and column.title not in book.header
    ]
    for column in columns:
        if column.title not in book.header:
            book.header.append(column.title)
            for row in book.rows:
                row.append(f"{column.out_of(landed):g}" if "Points Possible" in row[0] else "")
        elif note := _other_points(book, column, landed):
            notes.append(note)

    theirs: dict[int | None, list[tuple[Student, list[Result]]]] = defaultdict(list)
    for number, (student, group) in enumerate(people(landed)):
        theirs[book.find(student) if gradebook else book.students[number]].append((student, group))
    nowhere = [student.name for student, _group in theirs.pop(None, [])]
    twice, broken = [], []
    for at, them in theirs.items():
        student, group = them[0]
        if len(them) > 1:
            twice += [student.name for student, _group in them]
        elif any(result.grader_error for result in group):
            broken.append(student.name)
        elif at is not None:
            _fill(book.header, book.rows[at], columns, group)
    if nowhere:
        notes.append(f"{gradebook} has no row, or several, for: {_list(nowhere)}.")
    if twice:
        notes.append(
            f"several submissions are of one row, which is left as it was: {_list(twice)}."
        )
    if broken:
        notes.append(f"the grader failed on these, whose marks are open: {_list(broken)}.")
    return book.text(), notes


def _fill(
    header: Sequence[str], row: list[str], columns: Sequence[Column], group: Sequence[Result]
) -> None:
    """Put one student's marks in; who is excused stays so."""
    for column in columns:
        at = header.index(column.title)
        mark = column.mark(group)
        if mark is not None and row[at].strip().upper() != "EX":
            row[at] = f"{mark:g}"


def _columns(
    landed: Sequence[Result], titles: Sequence[str], header: Sequence[str] | None
) -> list[Column]:
    """The columns to fill: those that are asked for, else one for each assignment."""
    names = sorted({result.assignment for result in landed if result.assignment})
    found = []
    for title in titles:
        name, equals, rest = title.partition("=")
        column = Column(rest, name) if equals and name in names else Column(title, None)
        if header is None and equals and column.assignment is None:
            raise UsageError(
                f"--column names the assignment {name!r}, and there are {', '.join(names)}; write "
                "ASSIGNMENT=TITLE."
            )
        if header is not None and column.title not in header:
            there = [title for title in header[header.index("Section") + 1 :] if title]
            raise UsageError(
                f"the gradebook has no column {column.title!r}; it has {', '.join(there) or 'none'}."
            )
        found.append(column)
    if several := [t for t, n in Counter(column.title for column in found).items() if n > 1]:
        raise UsageError(f"--column names {several[0]!r} twice; give each column once.")
    return found or [Column(_title(name, header or ()), name) for name in names]


def _title(assignment: str, header: Sequence[str]) -> str:
    """The title of the column that is named after an assignment, as `LSTM (123)` is."""
    for title in header:
        if re.sub(r" \(\d+\)$", "", title).casefold() == assignment.casefold():
            return title
    return assignment


def _other_points(book: Gradebook, column: Column, landed: Sequence[Result]) -> str:
    """That Canvas has another number of points possible, if it has."""
    at, points = book.header.index(column.title), column.out_of(landed)
    for row in book.rows:
        possible = row[at].strip().replace(",", ".") if "Points Possible" in row[0] else ""
        if re.fullmatch(r"\d+(\.\d+)?", possible) and float(possible) != points:
            return f"{column.title} is out of {row[at]} in Canvas, and of {points:g} here."
    return ""


def _names(cell: str) -> set[str]:
    """What a student may be called elsewhere who is `Kim, Minjun` in the gradebook."""
    last, _comma, first = (part.strip() for part in cell.partition(","))
    return {_normal(name) for name in (cell, f"{first} {last}", f"{last} {first}")}


def _normal(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
