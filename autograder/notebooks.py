"""Notebooks from a solution: the student's, and the master from which Otter Assign makes its own.

Both are generated: the handout text and its formula, the code in one cell for each class, a cell
`grader.check("<TODO>")` after each class with a TODO, and a cell that draws the result, from
`solutions/drawings/`. The same course gives the same bytes.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.comments import translated
from autograder.course import Assignment, Course
from autograder.errors import CourseError
from autograder.language import _
from autograder.stubs import TITLE, placeholder, regions, stub

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# A section of a handout text that shows this is about files, and says nothing in a notebook.
COMMAND = "autograder check"


@dataclass(frozen=True)
class Cell:
    """A cell: `id` is unique in its notebook."""

    id: str
    kind: str  # "markdown", "code" or "raw"
    source: str

    def to_json(self) -> dict[str, Any]:
        lines = self.source.strip("\n").splitlines(keepends=True)
        cell = {"cell_type": self.kind, "id": self.id, "metadata": {}, "source": lines}
        return cell | ({"execution_count": None, "outputs": []} if self.kind == "code" else {})


@dataclass(frozen=True)
class Code:
    """A piece of a module, to be a cell: imports, a class or a function, with its TODOs."""

    name: str
    source: str
    todos: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """What the notebooks of an assignment are put together from, in one language."""

    assignment: Assignment
    language: str
    handout: tuple[str, ...]  # sections in Markdown: the title, the formula, the TODOs, the grading
    solution: str
    drawing: str  # "" where there is nothing to draw

    @classmethod
    def of(cls, course: Course, assignment: Assignment, language: str) -> "Parts":
        """Raises CourseError for a solution or a translation that is not in order."""
        name = assignment.name
        text, picture = (
            course.assignments / f"{name}.{language}.md",
            course.solutions / "drawings" / f"{name}.py",
        )
        if not text.is_file():
            raise CourseError(f"{text} is missing; a notebook begins with it.")
        solution = course.solution(name).read_text("utf-8")
        drawing = picture.read_text("utf-8") if picture.is_file() else ""
        if language != "en":
            file = course.solutions / "translations" / f"{language}.toml"
            solution = translated(solution, file, name)
            drawing = translated(drawing, file, f"drawing-{name}")
        handout = tuple(sections(text.read_text("utf-8")))
        return cls(assignment, language, handout, solution, drawing)


def student(parts: Parts) -> str:
    """The notebook that a student works in."""
    start = 'import otter\n\ngrader = otter.Notebook(tests_dir="tests")'
    cells = [*_head(parts), Cell("otter", "code", start)]
    for code in split(stub(parts.solution, parts.assignment.name)):
        cells.append(Cell(code.name, "code", code.source))
        cells += [Cell(f"check-{id}", "code", f'grader.check("{id}")') for id in code.todos]
    return _notebook([*cells, *_drawing(parts), *_foot(parts)])


def master(parts: Parts, files: Sequence[str], plugin: str) -> str:
    """The notebook that `otter assign` reads. It holds the solution.

    `files` are needed beside it, `plugin` is the one to grade with.
    """
    config = {
        "export_cell": False,
        "files": list(files),
        "tests": {"files": True, "ok_format": False},
        "generate": {"plugins": [plugin], "show_all_public": True},
    }
    # JSON is YAML.
    lines = [f"{key}: {json.dumps(value)}" for key, value in config.items()]
    cells = [Cell("config", "raw", "\n".join(["# ASSIGNMENT CONFIG", *lines])), *_head(parts)]
    for code in split(_for_assign(parts.solution, parts.assignment.name)):
        cell = Cell(code.name, "code", code.source)
        if not code.todos:
            cells.append(cell)
        for id in code.todos:
            answer = [*_block(f"solution-{id}", "SOLUTION", [cell])] if id == code.todos[0] else []
            tests = _block(f"tests-{id}", "TESTS", list(_test_cells(parts, id)))
            cells += _block(f"question-{id}", "QUESTION", [*answer, *tests], f"name: {id}")
    return _notebook([*cells, *_drawing(parts), *_foot(parts)])


def test_file(assignment: Assignment, todo: str, language: str) -> str:
    """An Otter test file for a TODO: a test case for each check, with its points."""
    lines = ["OK_FORMAT = False", "", "from otter.test_files import test_case", ""]
    lines += [f"name = {todo!r}"]
    for check in assignment.todos[todo]:
        # In ASCII, as Otter reads it in the encoding of the locale.
        title = f"name={str(_(check.title))!a}"
        decorator = f"@test_case({title}, points={check.points!r})"
        lines += ["", "", decorator, *_test(assignment, check.id, language)]
    return "\n".join(lines) + "\n"


def split(source: str) -> Iterator[Code]:
    """A module's text -> its pieces. The docstring is left out: the handout says it."""
    lines = source.splitlines()
    nodes = ast.parse(source).body
    end = 0
    if ast.get_docstring(ast.parse(source)) is not None:
        end = nodes.pop(0).end_lineno or 0
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    while nodes:
        group = imports if nodes[0] in imports else nodes[:1]
        nodes = [node for node in nodes if node not in group]
        start, end = end, group[-1].end_lineno or 0
        text = "\n".join(lines[start:end])
        todos = tuple(match["id"] for line in lines[start:end] if (match := TITLE.match(line)))
        yield Code(getattr(group[0], "name", "imports"), text, todos)


def _head(parts: Parts) -> Iterator[Cell]:
    for number, section in enumerate(parts.handout[:-1]):
        if COMMAND not in section:
            yield Cell(f"handout-{number}", "markdown", section)
    how = _(
        "Run the cells from top to bottom, and fill in the TODOs on your way. Each is followed by a "
        "cell that calls `grader.check`: it says whether your answer shows what the reference "
        "showed, and if not, where the two part. Ask it as often as you like. Before you hand in "
        "this notebook, restart the kernel and run all cells once more."
    )
    yield Cell("how-to-run", "markdown", how)


def _foot(parts: Parts) -> Iterator[Cell]:
    yield Cell("grading", "markdown", parts.handout[-1])


def _drawing(parts: Parts) -> Iterator[Cell]:
    if not parts.drawing:
        return
    module = ast.parse(parts.drawing)
    code = parts.drawing.splitlines()[module.body[0].end_lineno :]
    yield Cell("drawing-text", "markdown", ast.get_docstring(module) or "")
    yield Cell("drawing", "code", "\n".join(code))


def _test(assignment: Assignment, check: str, language: str) -> list[str]:
    call = f"check(env, {assignment.name!r}, {check!r}, {language!r})"
    return [f"def {check}(env):", "    from autograder.otter import check", "", f"    {call}"]


def _test_cells(parts: Parts, todo: str) -> Iterator[Cell]:
    for check in parts.assignment.todos[todo]:
        # Otter gives these cases no name. It puts the message between quotes, as it stands here.
        title = json.dumps(str(_(check.title)))[1:-1].replace("'", "''")
        config = [f"points: {check.points!r}", f"failure_message: '{title}'"]
        fenced = ['""" # BEGIN TEST CONFIG', *config, '""" # END TEST CONFIG']
        source = "\n".join([*fenced, *_test(parts.assignment, check.id, parts.language)])
        yield Cell(f"test-{check.id}", "code", source)


def _block(id: str, kind: str, inside: Sequence[Cell], config: str = "") -> list[Cell]:
    begin = Cell(f"begin-{id}", "raw", f"# BEGIN {kind}\n{config}")
    return [begin, *inside, Cell(f"end-{id}", "raw", f"# END {kind}")]


def _for_assign(source: str, file: str) -> str:
    """A solution with Otter's marks in place of ours.

    What replaces a region stands in a string: Otter takes away its two ends, and with them the quotes.
    """
    lines = source.splitlines()
    for region in reversed(regions(source, file)):
        answer = lines[region.start + 1 : region.end - 1]
        opening, closing = ("", "") if region.placeholder is None else ("*", "[:0],")
        lines[region.start : region.end] = [
            f"{region.indent}# BEGIN SOLUTION NO PROMPT",
            *answer,
            f"{region.indent}# END SOLUTION",
            f'{region.indent}{opening}"""  # BEGIN PROMPT',
            placeholder(region),
            f'{region.indent}"""{closing}  # END PROMPT',
        ]
    return "\n".join(lines) + "\n"


def sections(text: str) -> Iterator[str]:
    """A handout text in pieces, each from one heading to the next."""
    text = re.sub(r"<!-- .*? -->\n", "", text)
    yield from re.split(r"\n(?=## )", text.strip("\n"))


def _notebook(cells: Sequence[Cell]) -> str:
    notebook = {
        "cells": [cell.to_json() for cell in cells],
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
