"""A student's file -> code to run: decoding, and the definitions of a notebook. Worker only.

A notebook is never executed as it stands: its imports, definitions and plain constants are kept in
order; training loops, plots and shell lines are left out.
"""

import __future__

import ast
import codecs
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType

from autograder.language import _
from autograder.notes import CELL, SYNTAX, cell_of


class UnreadableSource(Exception):
    """The file is not Python text; str() is the sentence to show."""


@dataclass(frozen=True)
class Part:
    """Some code to run. An optional part of a notebook may fail: nothing graded may need it."""

    code: CodeType
    optional: bool = False
    line: int = 1
    cell: int = 0  # of a notebook


@dataclass
class Source:
    """What to run, in order, and the text of each file (or cell) for messages."""

    parts: list[Part] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[list[str | int]] = field(default_factory=list)  # for `notes.sentences`


def decode(data: bytes, name: str) -> str:
    """Bytes of a source file -> text: UTF-8, a PEP 263 cookie, UTF-16 with a BOM, or CP949."""
    if not data.strip():
        raise UnreadableSource(
            _("{name} is empty; submit the file that you worked in.").format(name=name)
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif b"\0" in data:
        raise UnreadableSource(
            _("{name} is not text but binary data; submit the .py or .ipynb itself.").format(
                name=name
            )
        )
    else:
        try:
            encodings = [tokenize.detect_encoding(io.BytesIO(data).readline)[0], "cp949"]
        except SyntaxError:
            encodings = ["cp949"]
    for encoding in encodings:
        try:
            text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
            text.encode("utf-8")  # not so with half a surrogate pair, which no source can hold
        except (UnicodeError, LookupError):
            continue
        if "\0" not in text:
            return text
    raise UnreadableSource(
        _("{name} is in an unknown text encoding; save it as UTF-8.").format(name=name)
    )


def read_python(data: bytes, name: str) -> Source:
    """A `.py` -> its code. Raises UnreadableSource, or SyntaxError."""
    text = decode(data, name)
    # PEP 263 allows a cookie in bytes only; in text it is a comment like any other.
    return Source([Part(_compiled(text, name))], {name: text})


def read_notebook(data: bytes, name: str) -> Source:
    """An `.ipynb` -> the code of its imports, definitions and constants, cell by cell."""
    import nbformat

    text = decode(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about cells without ids, and the like
            notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        cells = [str(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    except Exception:  # nbformat has many ways to say so
        raise UnreadableSource(
            _(
                "{name} is not a notebook that can be read; open it in Jupyter, save it and "
                "submit it again."
            ).format(name=name)
        ) from None
    source = Source()
    errors: list[SyntaxError] = []
    trees: dict[str, list[ast.stmt]] = {}
    for number, cell in enumerate(cells, start=1):
        file = cell_of(name, number)
        source.texts[file] = cell
        try:
            trees[file] = parse_cell(cell, file)
            # As Jupyter does, with `await` outside of functions.
            module = ast.Module(body=trees[file], type_ignores=[])
            _compiled(module, file, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            _looked_through(trees[file], file)
        except UnreadableSource as error:
            source.notes.append([CELL, number, 0, str(error)])
            trees.pop(file, None)
        except SyntaxError as error:
            trees.pop(file, None)
            # Other cells may hold all that is graded: this one is reported, not fatal.
            source.notes.append([SYNTAX, number, error.lineno or 0, error.msg])
            errors.append(error)
    needed = _needed_names([node for body in trees.values() for node in body])
    numbers = {file: number for number, file in enumerate(source.texts, start=1)}
    for file, body in trees.items():
        flags = _future_flags(body)
        for node in body:
            if _is_definition(node) or _assigns(node) & needed:
                code = _compiled(ast.Module(body=[node], type_ignores=[]), file, flags)
                optional = not isinstance(node, ast.ClassDef | ast.Import | ast.ImportFrom)
                source.parts.append(Part(code, optional, node.lineno, numbers[file]))
    if not source.parts and errors:
        raise errors[0]
    if not source.parts:
        raise UnreadableSource(
            _("{name} has no code cell with a definition in it.").format(name=name)
        )
    return source


def _compiled(source: str | ast.Module, name: str, flags: int = 0) -> CodeType:
    try:
        code: CodeType = compile(source, name, "exec", flags, dont_inherit=True)
        return code
    except (RecursionError, MemoryError):
        raise _nested_too_deeply(name) from None
    except ValueError as error:  # of a kind that Python's own parser does not explain
        sentence = _("{name} cannot be read as Python: {reason}.")
        raise UnreadableSource(sentence.format(name=name, reason=error)) from None


def _looked_through(body: Iterable[ast.stmt], name: str) -> None:
    """Go wherever the choice of what to keep will go: the compiler reaches deeper than we do."""
    try:
        for node in body:
            _is_definition(node)
            _uses(node)
    except RecursionError:
        raise _nested_too_deeply(name) from None


def _nested_too_deeply(name: str) -> UnreadableSource:
    sentence = _("{name} nests expressions too deeply to be read; write them in smaller steps.")
    return UnreadableSource(sentence.format(name=name))


PLACEHOLDER = re.compile(r"""^\s*raise NotImplementedError\(["']TODO (\w+)""", re.M)


def placeholders(texts: Iterable[str]) -> set[str]:
    """The TODO ids whose placeholder, `raise NotImplementedError("TODO …")`, is still there."""
    return {todo for text in texts for todo in PLACEHOLDER.findall(text)}


# Cell magics whose cell is Python all the same.
PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun")


def parse_cell(cell: str, file: str) -> list[ast.stmt]:
    """A cell, or a whole `.py`, without what is no Python in it. Raises SyntaxError."""
    try:
        return ast.parse(cell, file).body
    except (RecursionError, MemoryError):
        raise SyntaxError(_("it nests expressions too deeply"), (file, 1, 1, "")) from None
    except ValueError as error:
        raise SyntaxError(str(error), (file, 1, 1, "")) from None
    except SyntaxError:
        first = cell.lstrip().split(maxsplit=1)[:1]
        if first and first[0].startswith("%%") and first[0] not in PYTHON_CELLS:
            return []  # another language
        return ast.parse("\n".join(_without_magics(cell)), file).body


def _future_flags(body: list[ast.stmt]) -> int:
    """What `from __future__ import …` in a cell means for the rest of it."""
    names = [
        alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    ]
    return sum({getattr(__future__, name).compiler_flag for name in names})


MAGIC = re.compile(r"[%!?]|[\w, ]+=\s*[%!]|[\w.]+\?{1,2}$")


def _without_magics(cell: str) -> Iterator[str]:
    """The lines of a cell, with `%magic`, `!shell` and `help?` lines emptied: line numbers stay."""
    continued = False
    for line in cell.split("\n"):
        bare = line.strip()
        magic = continued or bool(MAGIC.match(bare))
        indent = line[: len(line) - len(line.lstrip())]
        yield f"{indent}pass" if magic and not continued else "" if magic else line
        continued = magic and bare.endswith("\\")


# Calls that a constant may make: they look, and change nothing.
HARMLESS_CALLS = frozenset(
    [
        "torch.device",
        "torch.cuda.is_available",
        "torch.cuda.device_count",
        "torch.backends.mps.is_available",
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
        case ast.AsyncFunctionDef() | ast.Pass():
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _is_constant(value)
        case ast.If(test=test, body=body, orelse=orelse):
            if ast.unparse(test) == "__name__ == '__main__'":
                return False
            return _is_constant(test) and all(map(_is_definition, [*body, *orelse]))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=[]):
            rest = [node for handler in handlers for node in handler.body]
            return all(map(_is_definition, [*body, *rest, *orelse]))
    return False


def _is_constant(value: ast.expr) -> bool:
    lazy = ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr
    waiting: list[ast.AST] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, lazy):
            return False
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in HARMLESS_CALLS:
            return False
        if not isinstance(node, ast.Lambda):  # what it calls is called later, if ever
            waiting += ast.iter_child_nodes(node)
    return True


def _assigns(node: ast.stmt) -> set[str]:
    """The names that an assignment gives a value; none for anything else."""
    match node:
        case ast.Assign(targets=targets):
            return {t.id for target in targets for t in ast.walk(target) if isinstance(t, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            return {name}
    return set()


def _uses(node: ast.AST) -> set[str]:
    """The names that some code reads from around it."""
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Load) else set()
    used: set[str] = set()
    for child in ast.iter_child_nodes(node):
        used |= _uses(child)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        inside = list(ast.walk(node))
        used -= {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        used -= {n.arg for n in inside if isinstance(n, ast.arg)}
    return used


def _needed_names(body: list[ast.stmt]) -> set[str]:
    """The names that the classes use, and what these are made with: `config = Config()`, say."""
    needed: set[str] = set()
    waiting: list[ast.stmt] = [node for node in body if isinstance(node, ast.ClassDef)]
    while waiting:
        used = _uses(waiting.pop()) - needed
        needed |= used
        for node in body:
            names = {node.name} if isinstance(node, ast.FunctionDef) else _assigns(node)
            if names & used:
                waiting.append(node)
    return needed
