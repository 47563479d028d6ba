"""What is shown in the terminal: the table of a class, and one student's own results."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder import results
from autograder.language import _
from autograder.notes import file_name
from autograder.reports.files import (
    by_submission,
    carried,
    complaints,
    mark,
    named,
    not_run,
    points,
    printed,
    unreadable,
    verdict,
)
from autograder.reports.text import one_line, plain
from autograder.results import Result, Shortcut, TodoResult
from autograder.shortcuts import concerning, remark

MOST_NAME = 24  # columns of the terminal for a submission's name
MOST_NAMED = 8  # submissions in a line below the table; results.jsonl has them all
COLOURS = {results.PASSED: "green", results.NOT_ATTEMPTED: "yellow"}


class Printer(Console):
    """A console whose lines end with their last word where they go to a file or through a pipe."""

    def print(self, *objects: Any, **options: Any) -> None:
        if self.is_terminal:
            super().print(*objects, **options)
            return
        with self.capture() as captured:
            super().print(*objects, **options)
        self.file.write(re.sub(r" +$", "", captured.get(), flags=re.MULTILINE))


def class_table(landed: Sequence[Result], width: int) -> Group:
    """One row a submission: its points in each assignment, and what is wrong with it."""
    names = sorted({r.assignment for r in landed if r.assignment})
    groups = by_submission(landed)
    rows = []
    for submission, group in groups.items():
        by_name = {r.assignment: r for r in group}
        cells = [_points(by_name[name]) if name in by_name else Text("") for name in names]
        rows.append([Text(one_line(submission)), *cells, Text(_wrong(group), style="dim")])
    heads = [Text("submission"), *map(Text, names), Text("what is wrong")]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, width=width)
    for column, head in enumerate(heads[:-1]):
        widest = max(cell_len(row[column].plain) for row in [heads, *rows])
        wide = min(widest, MOST_NAME) if column == 0 else widest
        side: Literal["left", "right"] = "right" if column else "left"
        table.add_column(head, justify=side, no_wrap=True, overflow="ellipsis", width=wide)
    table.add_column(heads[-1], no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        table.add_row(*row)
    full = sum(all(r.assignment and r.score == r.max_score for r in g) for g in groups.values())
    return Group(
        table,
        Text(""),
        Text(f"{len(groups)} submission{'s' * (len(groups) != 1)}, {full} with full marks."),
        *_evidence(groups),
    )


def _evidence(groups: Mapping[str, Sequence[Result]]) -> Iterator[Text]:
    """Lines on shortcuts, attempts and what was not run, for the TA to look into; where there are any."""
    kinds: dict[str, Callable[[Result], list[str]]] = {
        "used what a TODO asks to write": lambda result: [_shortcut(s) for s in result.shortcuts],
        "tried what no answer needs": lambda result: [a.what for a in result.attempts],
        "could not be looked at on a GPU, which costs nothing": partial(_not_run, withheld=False),
        "used what the simulated GPU lacks, so that points wait for you": partial(
            _not_run, withheld=True
        ),
    }
    for did, details in kinds.items():
        found = {name: [d for r in group for d in details(r)] for name, group in groups.items()}
        who = [f"{name} ({', '.join(dict.fromkeys(some))})" for name, some in found.items() if some]
        if who:
            more = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
            named = ", ".join(who[:MOST_NAMED]) + more
            yield Text(one_line(f"{len(who)} submission{'s' * (len(who) != 1)} {did}: {named}."))


def _not_run(result: Result, *, withheld: bool) -> list[str]:
    """The TODOs that were looked at on the CPU only, and why."""
    todos: dict[str, list[str]] = {}
    for todo in result.todos:
        checks = [check for check in todo.checks if not check.ran and check.withheld is withheld]
        for reason in dict.fromkeys(check.message for check in checks):
            todos.setdefault(reason.rstrip("."), []).append(todo.id)
    return [f"{', '.join(ids)}: {reason}" for reason, ids in todos.items()]


def _shortcut(shortcut: Shortcut) -> str:
    place = f" in {file_name(shortcut.file)}, line {shortcut.line}" if shortcut.file else ""
    text = "" if shortcut.called else ", in the text only"
    return f"{shortcut.name.rpartition('.')[2]}{place}{text}"


def _points(result: Result) -> Text:
    colour = (
        "green" if result.score == result.max_score else "red" if not result.score else "yellow"
    )
    return Text(f"{round(result.score, 2):g}/{round(result.max_score, 2):g}", style=colour)


def _wrong(group: Sequence[Result]) -> str:
    found = []
    for result in group:
        wrong = [todo for todo in result.todos if todo.verdict != results.PASSED and todo.max_score]
        if result.assignment is None:
            found.append("nothing to grade")
        elif result.grader_error:
            found.append(f"{result.assignment}: the grader failed")
        elif (
            len(wrong) > 1
            and len(wrong) == len(result.todos)
            and len({t.verdict for t in wrong}) == 1
            and not any(t.diagnosis for t in wrong)
        ):
            found.append(f"{result.assignment} {wrong[0].verdict}")
        else:
            found += [f"{todo.id} {' + '.join(todo.diagnosis) or todo.verdict}" for todo in wrong]
    return one_line(", ".join(found))


def show_result(console: Console, result: Result) -> None:
    """One assignment of a student, TODO by TODO: what was expected, what came, and where."""
    show_head(console, result)
    for note in result.notes:
        console.print(Padding(Text(plain(note), style="dim"), (0, 0, 0, 2)))
    if why := unreadable(result):
        console.print(Padding(Text(plain(why)), (0, 0, 0, 4)))
    for todo in result.todos:
        _show_todo(console, todo, in_full=not why)
        for used in concerning(result, todo):
            console.print(Padding(Text(plain(remark(used)), style="dim"), (0, 0, 0, 6)))
    if result.output:
        console.print(Padding(Text(printed(result), style="dim"), (0, 0, 0, 2)))
        console.print(Padding(Text(plain(result.output.rstrip()), style="dim"), (0, 0, 0, 4)))
    console.print()


def show_head(console: Console, result: Result) -> None:
    """The line of an assignment: its points, and its file."""
    head = Text(f"{result.assignment}", style="bold")
    sentence = _("{score:g} of {most:g} points")
    head.append("  " + sentence.format(score=result.score, most=result.max_score), style="default")
    if result.source:
        head.append(f"  ({result.source})", style="dim")
    console.print(head)


def _show_todo(console: Console, todo: TodoResult, *, in_full: bool) -> None:
    colour = COLOURS.get(todo.verdict, "red")
    line = Text(f"  {mark(todo)} {todo.id}", style=colour)
    line.append(f"  {points(todo)}", style="default")
    if todo.verdict != results.PASSED:
        line.append(f"  {verdict(todo)}", style=colour)
    console.print(line)
    if not in_full:
        return
    for sentence in carried(todo):
        console.print(Padding(Text(sentence, style="dim"), (0, 0, 0, 6)))
    for paragraph in named(todo):
        console.print(Padding(Text(without_markup(paragraph)), (0, 0, 0, 6)))
    # Where the mistake has a name, one example of what it does is enough.
    for title, message in complaints(todo)[: 1 if todo.diagnosis else None]:
        console.print(Padding(Text(title, style="dim"), (0, 0, 0, 6)))
        console.print(Padding(Text(plain(message)), (0, 0, 0, 8)))
    for sentence in not_run(todo):
        console.print(Padding(Text(plain(sentence), style="dim"), (0, 0, 0, 6)))


def without_markup(text: str) -> str:
    """Feedback is written in Markdown; a terminal shows no formulas."""
    return re.sub(r"\$([^$]+)\$", r"\1", text)
