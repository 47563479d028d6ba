"""The screen of `check --watch`: results and what the student looks at go in, one frame comes out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from autograder import results
from autograder.language import _, current
from autograder.reports.files import (
    complaints,
    mark,
    named,
    not_run,
    points,
    printed,
    unreadable,
    verdict,
)
from autograder.reports.terminal import COLOURS, without_markup
from autograder.reports.text import plain
from autograder.results import Result, TodoResult

BAR = 10  # columns
SYNTAX = "SyntaxError:", "IndentationError:", "TabError:"

Item = tuple[str, str]  # an assignment and a TODO of it; no TODO: its file, which cannot be run


@dataclass(frozen=True, kw_only=True)
class View:
    """What is on the screen.

    `latest`: results by assignment; `readable`: of each, the last one of a file that could be read.
    `saved`: the assignment that was saved last. `hints`: how many of the two steps are shown; `top`: the first line of
    the text that is.
    """

    latest: Mapping[str, Result] = field(default_factory=dict)
    readable: Mapping[str, Result] = field(default_factory=dict)
    saved: str = ""
    item: Item | None = None
    hints: int = 0
    details: bool = False
    top: int = 0
    status: str = ""


@dataclass(frozen=True)
class Frame:
    """The lines of a screen; `below` is the first line of the text on its next page."""

    lines: list[str]
    below: int


def to_fix(latest: Mapping[str, Result], saved: str = "") -> list[Item]:
    """First things first: the assignment that was saved, and in each what is wrong before the rest."""
    found: list[tuple[bool, bool, Item]] = []
    for name, result in latest.items():
        if unreadable(result):
            found.append((name != saved, False, (name, "")))
            continue
        for todo in result.todos:
            if todo.verdict != results.PASSED:
                untouched = todo.verdict == results.NOT_ATTEMPTED
                found.append((name != saved, untouched, (name, todo.id)))
    return [item for *__, item in sorted(found, key=lambda one: one[:2])]


def half_written(result: Result) -> bool:
    """Whether the file is no Python yet, as while it is being written."""
    return unreadable(result).startswith(SYNTAX)


def steps(todo: TodoResult) -> int:
    """How many steps of hints there are for a TODO."""
    return 2 if todo.feedback else 1


def frame(view: View, console: Console) -> Frame:
    """One frame, as large as the console."""
    width, height = console.size
    names = sorted(view.latest)
    if len(names) > (most := max(height // 3, 1)):
        names = [view.item[0]] if view.item else names[:most]
    head: list[RenderableType] = [
        *(_progress(view, name, width) for name in names),
        Rule(Text(view.status, style="dim"), align="right", style="dim"),
    ]
    above, under = _lines(console, head), _lines(console, [_keys(width)])
    room = max(height - len(above) - len(under), 1)
    text = _lines(console, _body(view))
    shown, below = text, 0
    if len(text) > room:
        shown = text[view.top : view.top + room - 1]
        rest = len(text) - view.top - len(shown)
        sentence = _("… {count} more lines: space") if rest else _("… the end; the start: space")
        marker = Text(sentence.format(count=rest), style="cyan")
        marker.truncate(width, overflow="ellipsis")
        shown += [""] * (room - 1 - len(shown)) + _lines(console, [marker])
        below = view.top + room - 1 if rest else 0
    shown = [*shown, *[""] * (room - len(shown))]
    return Frame([*above, *shown, *under], below)


def _keys(width: int) -> Text:
    line = Text()
    for what in (_("n next"), _("h hint"), _("d details"), _("space more"), _("q quit")):
        key, _space, does = what.partition(" ")
        line.append(key, style="bold").append(f" {does}  ", style="dim")
    line.truncate(width, overflow="ellipsis")
    return line


def _progress(view: View, name: str, width: int) -> Text:
    """How far along one assignment is: a bar, points, TODOs done, and a mark for each."""
    names = max(map(cell_len, view.latest))
    now = view.latest[name]
    shown = view.readable.get(name, now)
    graded = [todo for todo in shown.todos if todo.max_score]
    done = sum(todo.verdict == results.PASSED for todo in graded)
    filled = int(BAR * shown.score / shown.max_score) if shown.max_score else 0
    line = Text(name + " " * (names + 2 - cell_len(name)))
    if view.item and view.item[0] == name:
        line.stylize("bold")
    line.append("█" * filled, style="green").append("░" * (BAR - filled), style="dim")
    sentence = _("{score:g} of {most:g} points")
    line.append("  " + sentence.format(score=shown.score, most=shown.max_score))
    sentence = _("{done} of {count} TODOs done")
    line.append("  " + sentence.format(done=done, count=len(graded)))
    marks = Text("  ")
    for todo in graded:
        marks.append(mark(todo), style=COLOURS.get(todo.verdict, "red"))
    if cell_len(line.plain) + cell_len(marks.plain) <= width:
        line.append(marks)
    if shown is not now:
        line.stylize("dim")  # how it was before the file became unreadable
    line.truncate(width, overflow="ellipsis")
    return line


def _body(view: View) -> Iterator[RenderableType]:
    if view.item is None:
        if view.latest:
            yield Text("✓ " + _("All points are reached: there is nothing to fix."), style="green")
            for result in view.latest.values():
                yield from _besides(result)
        return
    name, id = view.item
    result = view.latest[name]
    items = to_fix(view.latest, view.saved)
    place = _("{number} of {count} to fix")
    right = place.format(number=items.index(view.item) + 1, count=len(items))
    if not id:
        sentence = _("{file} cannot be checked yet.").format(file=result.source or name)
        yield _title(Text(sentence, style="bold yellow"), right)
        yield _indented(plain(unreadable(result)))
        yield _indented(_("It is checked again when you save."), "dim")
        return
    todo = next(todo for todo in result.todos if todo.id == id)
    colour = COLOURS.get(todo.verdict, "red")
    head = Text.assemble((f"{mark(todo)} {name}: {id}", f"bold {colour}"), f"  {points(todo)}")
    yield _title(head.append(f"  {verdict(todo)}", style=colour), right)
    yield from _hints(name, todo, view.hints)
    if view.details:
        for check in todo.checks:
            sign, style = ("✓", "green") if check.passed else ("✗", colour)
            sign = sign if check.ran else "–"
            yield _indented(Text.assemble((sign, style), f" {_(check.title)}"))
            if check.message:
                yield _indented(plain(check.message), by=4)
    elif todo.verdict == results.NOT_ATTEMPTED:
        sentence = _("Look for TODO {todo} in {file}. It is checked for:")
        yield _indented(sentence.format(todo=id, file=result.source or name))
        for check in todo.checks:
            yield _indented(_(check.title), "dim", by=4)
    else:
        for title, message in complaints(todo)[:1]:
            yield _indented(title, "dim")
            yield _indented(plain(message), by=4)
        for sentence in not_run(todo):
            yield _indented(plain(sentence))
    yield from _besides(result)


def _hints(name: str, todo: TodoResult, count: int) -> Iterator[RenderableType]:
    if count and todo.feedback:
        yield _indented(_("Where to look:"), "bold")
        for hint in todo.hints:
            yield _indented(without_markup(hint), by=4)
    elif count and todo.verdict == results.NOT_ATTEMPTED:
        yield _indented(_("Where to look:"), "bold")
        sentence = _("The formula and what is asked are in the text of the assignment, {file}.")
        yield _indented(sentence.format(file=f"{name}.{current()}.md"), by=4)
    elif count and todo.verdict != results.NOT_RUN:
        lines = todo.evidence or (
            _("There is none: no known mistake behaves like this. The details may help (d)."),
        )
        yield _indented(_("What is certain:") if todo.evidence else _("A hint:"), "bold")
        for line in lines:
            yield _indented(without_markup(line), by=4)
    if count > 1 and todo.feedback:
        yield _indented(_("What is wrong:"), "bold")
        for paragraph in named(todo):
            yield _indented(without_markup(paragraph), by=4)


def _besides(result: Result) -> Iterator[RenderableType]:
    """What a student should see besides what is wrong: notes, and what the code printed."""
    for note in result.notes:
        yield _indented(plain(note), "dim")
    if result.output:
        yield _indented(printed(result), "dim")
        yield _indented(plain(result.output.rstrip()), "dim", by=4)


def _title(left: Text, right: str) -> Table:
    line = Table.grid(expand=True, padding=(0, 0, 0, 0))
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(left, Text(f"  {right}", style="dim"))
    return line


def _indented(text: str | Text, style: str = "", by: int = 2) -> Padding:
    return Padding(Text(text, style=style) if isinstance(text, str) else text, (0, 0, 0, by))


def _lines(console: Console, parts: Iterable[RenderableType]) -> list[str]:
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return capture.get().splitlines()
