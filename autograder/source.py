"""A student's file -> code to run: decoding, and the definitions of a notebook. Worker only.

A notebook is never executed as it stands: its imports, definitions and plain constants are kept in
order; training loops, plots and shell lines are left out.
"""

import ast
import codecs
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType


class UnreadableSource(Exception):
    """The file is not Python text; str() is the sentence to show."""


@dataclass
class Source:
    """What to run: code objects in order, and the text of each file (or cell) for messages."""

    codes: list[CodeType] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def decode(data: bytes, name: str) -> str:
    """Bytes of a source file -> text: UTF-8, a PEP 263 cookie, UTF-16 with a BOM, or CP949."""
    if not data.strip():
        raise UnreadableSource(f"{name} is empty; submit the file that you worked in.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data:
        raise UnreadableSource(
            f"{name} is not text but binary data; submit the .py or .ipynb itself."
        )
    else:
        try:
            cookie, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            encodings = [cookie, "cp949"]
        except SyntaxError:
            encodings = ["cp949"]
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except (UnicodeError, LookupError):
            continue
    raise UnreadableSource(f"{name} is in an unknown text encoding; save it as UTF-8.")


def read_python(data: bytes, name: str) -> Source:
    """A `.py` -> its code. Raises UnreadableSource, or SyntaxError."""
    text = decode(data, name)
    # PEP 263 allows a cookie in bytes only; in text it is a comment like any other.
    return Source([compile(text, name, "exec", dont_inherit=True)], {name: text})


def read_notebook(data: bytes, name: str) -> Source:
    """An `.ipynb` -> the code of its imports, definitions and constants, cell by cell."""
    import nbformat

    text = decode(data, name)
    try:
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        cells = [str(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    except (
        json.JSONDecodeError,
        nbformat.ValidationError,
        AttributeError,
        KeyError,
        TypeError,
    ) as e:
        raise UnreadableSource(
            f"{name} is not a notebook that can be read ({type(e).__name__}); "
            "open it in Jupyter, save it and submit it again."
        ) from None
    source = Source()
    errors: list[SyntaxError] = []
    for number, cell in enumerate(cells, start=1):
        file = f"{name}, cell {number}"
        try:
            tree = _parse_cell(cell, file)
        except SyntaxError as error:
            # Other cells may hold all that is graded: this one is reported, not fatal.
            source.notes.append(f"{file} is left out: {error.msg} (line {error.lineno}).")
            errors.append(error)
            continue
        tree.body = [node for node in tree.body if _is_definition(node)]
        if tree.body:
            source.codes.append(compile(tree, file, "exec", dont_inherit=True))
            source.texts[file] = cell
    if not source.codes and errors:
        raise errors[0]
    if not source.codes:
        raise UnreadableSource(f"{name} has no code cell with a definition in it.")
    return source


def placeholders(texts: Iterable[str]) -> set[str]:
    """The TODO ids whose placeholder, `raise NotImplementedError("TODO …")`, is still there."""
    found = set()
    for text in texts:
        found |= set(re.findall(r"""^\s*raise NotImplementedError\(["']TODO (\w+)""", text, re.M))
    return found


def _parse_cell(cell: str, file: str) -> ast.Module:
    try:
        return ast.parse(cell, file)
    except SyntaxError:
        if cell.lstrip().startswith("%%"):
            return ast.Module(body=[], type_ignores=[])
        return ast.parse("\n".join(_without_magics(cell)), file)


def _without_magics(cell: str) -> Iterator[str]:
    """The lines of a cell, with `%magic`, `!shell` and `help?` lines blanked: line numbers stay."""
    continued = False
    for line in cell.split("\n"):
        bare = line.strip()
        magic = continued or bare.startswith(("%", "!", "?")) or bare.endswith("?")
        continued = magic and bare.endswith("\\")
        yield "" if magic else line


# Calls that a constant may make: they look, and change nothing.
HARMLESS_CALLS = frozenset(
    [
        "torch.device",
        "torch.cuda.is_available",
        "torch.cuda.device_count",
        "torch.tensor",
        "math.sqrt",
        "np.sqrt",
        "int",
        "float",
        "str",
        "bool",
        "tuple",
        "list",
        "dict",
        "set",
        "len",
        "min",
        "max",
        "sum",
        "abs",
        "range",
        "round",
    ]
)


def _is_definition(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
            return True
        case ast.AsyncFunctionDef():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _is_constant(value)
        case ast.If(test=test, body=body, orelse=orelse):
            if ast.unparse(test) == "__name__ == '__main__'":
                return False
            return _is_constant(test) and all(map(_is_definition, [*body, *orelse]))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=[]):
            rest = [node for handler in handlers for node in handler.body]
            return all(
                _is_definition(n) or isinstance(n, ast.Pass) for n in [*body, *rest, *orelse]
            )
    return False


def _is_constant(value: ast.expr) -> bool:
    calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
    lazy = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return all(ast.unparse(call.func) in HARMLESS_CALLS for call in calls) and not any(
        isinstance(node, lazy) for node in ast.walk(value)
    )
