"""What the doctor found: the kill matrix in the terminal and as a file, and a summary."""

import csv
import io
import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autograder.check import GIVEN
from autograder.doctor import Report


def kill_matrix(report: Report) -> RenderableType:
    """Mistake × check, a table for each TODO: how many orders of magnitude each is off.

    "!" is another shape, type or error; "·" is not seen. Of several behaviours, the least.
    """
    tables: list[RenderableType] = []
    for todo in dict.fromkeys(row.todo for row in report.rows):
        checks = [check for check in report.checks if check.todo == todo]
        legend = [f"{n}  {check.id}" for n, check in enumerate(checks, start=1)]
        table = Table(title=f"{report.assignment}: {todo}", title_justify="left", box=None)
        table.add_column("mistake")
        for number in range(1, len(checks) + 1):
            table.add_column(str(number), justify="right")
        rows = [row for row in report.rows if row.todo == todo]
        for mistake in dict.fromkeys(row.mistake for row in rows):
            behaviours = [row for row in rows if row.mistake == mistake]
            cells = [
                _cell(min(row.margins.get(check.id, 0.0) for row in behaviours)) for check in checks
            ]
            table.add_row(mistake, *cells)
        tables += [table, Text("\n".join(legend), style="dim"), Text("")]
    return Group(*tables)


def matrix_file(reports: Sequence[Report]) -> str:
    """The matrix as CSV: one row a behaviour and check."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["assignment", "todo", "mistake", "behaviour", "check", "orders of magnitude"])
    for report in reports:
        for row in report.rows:
            for check, margin in row.margins.items():
                shown = "certain" if margin == math.inf else f"{margin:.2f}"
                cells = report.assignment, row.todo, row.mistake, row.behaviour + 1, check, shown
                writer.writerow(cells)
    return text.getvalue()


def summary(reports: Sequence[Report]) -> Table:
    """One row an assignment: how much was proven, and the thinnest margin."""
    table = Table(box=None)
    for head in ("assignment", "mistakes", "behaviours", "accepted", "mutants", "thinnest margin"):
        table.add_column(head, justify="left" if head == "assignment" else "right")
    for name in dict.fromkeys(report.assignment for report in reports):
        own = [report for report in reports if report.assignment == name]
        first = own[0]
        margins = [row.margin for report in own for row in report.rows if row.todo != GIVEN]
        killed = first.mutants - first.equivalent
        table.add_row(
            name,
            str(len({(row.todo, row.mistake) for row in first.rows})),
            str(len(first.rows)),
            str(first.accepted),
            f"{killed} caught, {first.equivalent} equivalent" if first.mutants else "not run",
            f"10^{min(margins, default=0.0):.1f}",
        )
    return table


def unsteady(reports: Sequence[Report]) -> list[str]:
    """The verdicts that are not the same for all seeds."""
    found = []
    for name in dict.fromkeys(report.assignment for report in reports):
        own = [report.verdicts for report in reports if report.assignment == name]
        for what, verdict in own[0].items():
            if others := {verdicts[what] for verdicts in own} - {verdict}:
                found.append(f"{name}: {what} is judged {verdict}, and {min(others)}.")
    return found


def _cell(margin: float) -> str:
    return "!" if margin == math.inf else f"{margin:.0f}" if margin else "·"
