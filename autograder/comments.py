"""A solution in another language: its comments and docstrings replaced, its code untouched.

`solutions/translations/<language>.toml` holds `[[<assignment>]]` tables. `en` is a comment or docstring
of the solution, without its indentation and `#`; `text` says the same. What has no table stays as it
is, but a TODO comment must have one, and no table may be left over.
"""

import ast
import io
import itertools
import re
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError

MARKER = re.compile(r"# (BEGIN|END) SOLUTION\b")


@dataclass(frozen=True)
class Text:
    """A comment or docstring: what it says, and its lines [start, end)."""

    says: str
    start: int
    end: int
    indent: str
    is_comment: bool

    def lines(self, says: str) -> list[str]:
        """The lines that say something else in its place."""
        if self.is_comment:
            return [f"{self.indent}# {line}".rstrip() for line in says.split("\n")]
        quoted = f'"""{says}\n"""' if "\n" in says else f'"""{says}"""'
        return [f"{self.indent}{line}".rstrip() for line in quoted.split("\n")]


def translated(source: str, file: Path, name: str) -> str:
    """A solution's text with the translations of a file. Raises CourseError."""
    try:
        tables = tomllib.loads(file.read_text("utf-8")).get(name, [])
        says = {table["en"].strip("\n"): table["text"].strip("\n") for table in tables}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{file} does not hold tables of en and text: {error}.") from None
    try:
        found = list(texts(source))
    except SyntaxError as error:
        raise CourseError(f"the solution of {name} is not Python: {error}.") from None
    for text in found:
        if text.is_comment and text.says.startswith("TODO ") and not says.get(text.says):
            first = text.says.partition("\n")[0]
            raise CourseError(f"{file} has no text for a comment of {name}: {first!r}.")
    if left := [en for en in says if en not in {text.says for text in found}]:
        first = left[0].partition("\n")[0]
        raise CourseError(f"{file} has a text for what {name} does not say (any more): {first!r}.")
    lines = source.splitlines()
    for text in sorted(found, key=lambda text: text.start, reverse=True):
        if text.says in says:
            lines[text.start : text.end] = text.lines(says[text.says])
    return "\n".join(lines) + "\n"


def texts(source: str) -> Iterator[Text]:
    """Every docstring, and every comment that has its lines to itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
            says := ast.get_docstring(node)
        ):
            string = node.body[0]
            assert string.end_lineno is not None
            indent = " " * string.col_offset
            yield Text(says, string.lineno - 1, string.end_lineno, indent, is_comment=False)
    comments = [
        token
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
        and not token.line[: token.start[1]].strip()
        and not MARKER.match(token.string)
    ]
    # Lines one below the other are one comment.
    for _, lines in itertools.groupby(
        enumerate(comments), lambda pair: (pair[1].start[0] - pair[0], pair[1].start[1])
    ):
        block = [token for _, token in lines]
        (first, column), (last, _) = block[0].start, block[-1].start
        says = "\n".join(token.string.removeprefix("#").removeprefix(" ") for token in block)
        yield Text(says, first - 1, last, " " * column, is_comment=True)
