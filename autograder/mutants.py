"""Mutants: a solution's source -> the same module with one small change in a marked region, many times.

The catalogue of variants holds mistakes that somebody thought of; these are the ones that nobody
did. A mutant with full marks does what the solution does, or has found a hole in the checks.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from autograder.stubs import Region, regions

# What may stand in each other's place, besides the names that a region has anyway.
ALIKE = (
    ("+", "-", "*", "/", "//", "**", "@"),
    ("+=", "-=", "*=", "/="),
    ("==", "!=", "<", "<=", ">", ">="),
    ("is", "is not"),
    ("in", "not in"),
    ("and", "or"),
    ("Dropout", "Dropout1d", "Dropout2d", "AlphaDropout"),
    ("ReLU", "LeakyReLU", "ReLU6", "ELU", "GELU", "SiLU", "Softplus", "Sigmoid", "Tanh"),
    ("Sigmoid", "LogSigmoid", "Hardsigmoid", "Softsign"),
    ("Linear", "LazyLinear"),
    ("zeros", "ones", "rand", "randn"),
    ("zeros_like", "ones_like", "rand_like", "randn_like"),
    ("softmax", "log_softmax", "softmin", "sigmoid"),
    ("sqrt", "cbrt", "exp", "log"),
    ("cat", "stack", "hstack", "vstack"),
)
SLICES = (":", "1:", ":1", "-1:", ":-1", "0", "-1")
KEYWORDS = {"Linear": "bias=False", "Dropout": "inplace=True", "ReLU": "inplace=True"}

Node = ast.expr | ast.stmt | ast.keyword
Names = Mapping[str, set[str]]
Edit = tuple[int, int, str]  # a piece of the source, from and to where, and what comes there


@dataclass(frozen=True)
class Mutant:
    """One small change to a solution.

    `id` is readable and stable: the TODO, the line within its region, and what changes there.
    `description` is the line before -> after, `source` the whole module.
    """

    id: str
    todo: str
    description: str
    source: str


def mutants(source: str, where: str) -> list[Mutant]:
    """All mutants of a solution, in the order of its text. Raises CourseError, as `regions` does."""
    tree, text = ast.parse(source), _Text(source)
    seen = {"", ast.dump(tree)}
    found = []
    for region in regions(source, where):
        used: Counter[str] = Counter()
        for start, end, new in sorted(set(_edits(tree, text, region))):
            mutated, meaning = text.edited((start, end, new))
            if meaning in seen:
                continue
            seen.add(meaning)
            line = source.count("\n", 0, start) - region.start
            id = f"{region.id}:{line} `{_flat(source[start:end], 60)}` -> `{_flat(new, 60)}`"
            used[id] += 1
            number = f" #{used[id]}" if used[id] > 1 else ""
            first, last = source.rfind("\n", 0, start) + 1, source.find("\n", end)
            before, after = source[first:last], source[first:start] + new + source[end:last]
            description = f"{_flat(before)} -> {_flat(after)}"
            found.append(Mutant(id + number, region.id, description, mutated))
    return found


def echoes(source: str, where: str) -> list[Mutant]:
    """For each TODO in a method, the solution whose method gives back its first input at once."""
    methods = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    found = []
    for region in regions(source, where):
        # Of nested functions, the one that begins last is the innermost.
        around = [m for m in methods if m.lineno <= region.start < (m.end_lineno or 0)]
        method = max(around, key=lambda m: m.lineno, default=None)
        if method is None or method.name == "__init__" or len(method.args.args) < 2:
            continue  # a layer in a list, say: its echo is the placeholder, which is the stub's
        first = method.args.args[1].arg
        ends = [n.value for n in ast.walk(method) if isinstance(n, ast.Return)]
        many = len(ends[-1].elts) if ends and isinstance(ends[-1], ast.Tuple) else 1
        lines = source.split("\n")
        start = method.body[bool(ast.get_docstring(method))]
        returned = f"return {', '.join([first] * many)}"
        lines.insert(start.lineno - 1, " " * start.col_offset + returned)
        found.append(Mutant(f"{region.id}: echo", region.id, returned, "\n".join(lines)))
    return found


def _flat(text: str, most: int = 1000) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"


class _Text:
    """A source text, addressed by the nodes of its tree."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._lines = source.split("\n")

    def span(self, node: Node) -> tuple[int, int]:
        end = self._at(node.end_lineno or 0, node.end_col_offset or 0)
        return self._at(node.lineno, node.col_offset), end

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1].encode()[:column].decode()  # a column counts bytes
        return sum(len(earlier) + 1 for earlier in self._lines[: line - 1]) + len(before)

    def of(self, node: Node) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def put(self, node: Node, new: str) -> Edit:
        """Put something in place of a node, in parentheses where it needs them."""
        start, end = self.span(node)
        plain, wrapped = (start, end, new), (start, end, f"({new})")
        return plain if self.edited(wrapped)[1] in ("", self.edited(plain)[1]) else wrapped

    def swap(self, one: Node, other: Node) -> Edit:
        (start, after_one), (before_other, end) = self.span(one), self.span(other)
        return start, end, self.of(other) + self.source[after_one:before_other] + self.of(one)

    def drop(self, item: Node) -> Edit:
        """Leave an item of a list out, with the comma behind it."""
        start, end = self.span(item)
        rest = self.source[end:]
        return start, end + len(rest) - len(rest.removeprefix(",").removeprefix(" ")), ""

    def operators(self, left: Node, right: Node) -> Iterator[Edit]:
        """Other operators between two operands, and the operands swapped where that matters."""
        start, end = self.span(left)[1], self.span(right)[0]
        operator = self.source[start:end].strip(" ()\n")
        start = self.source.index(operator, start)
        yield from ((start, start + len(operator), other) for other in _alike(operator))
        if operator in ("-", "/", "//", "**", "@"):
            yield self.swap(left, right)

    def edited(self, edit: Edit) -> tuple[str, str]:
        """The whole text with an edit, and its tree as text; "" where Python refuses it or warns."""
        start, end, new = edit
        mutated = self.source[:start] + new + self.source[end:]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                tree = ast.parse(mutated)
                compile(tree, "<mutant>", "exec")
            except (SyntaxError, ValueError):
                return mutated, ""
        return mutated, ast.dump(tree)


def _edits(tree: ast.Module, text: _Text, region: Region) -> Iterator[Edit]:
    """Every edit of a region. Some come to the same, and some give no Python."""
    names = _names(tree, region)
    nodes = list(ast.walk(tree))
    negated = {node.operand for node in nodes if isinstance(node, ast.UnaryOp)}
    digits = {node for node in negated if isinstance(node, ast.Constant)}  # changed with their sign
    for node in nodes:
        for row in _rows(node):
            items = [item for item in row if _inside(item, region)]
            yield from (text.swap(*pair) for pair in combinations(items, 2))
            yield from (text.drop(item) for item in items if not isinstance(item, ast.stmt))
        if _inside(node, region) and isinstance(node, Node) and node not in digits:
            yield from _changes(node, text, names)


def _inside(node: ast.AST, region: Region) -> bool:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return bool(region.start + 1 < first <= last < region.end)


def _names(tree: ast.Module, region: Region) -> Names:
    """What a region can name: local names (under ""), and the attributes of each name."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.lineno <= region.start < (node.end_lineno or 0)
    ]
    outer, inner = (around[0], around[-1]) if around else (tree, tree)
    found: dict[str, set[str]] = {"": set()}
    for node in ast.walk(outer):
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=attribute):
                if base == "self" or _inside(node, region):
                    found.setdefault(base, set()).add(attribute)
    for node in ast.walk(inner):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                if name != "self" and node.lineno < region.end:
                    found[""].add(name)
    return found


def _alike(name: str) -> set[str]:
    return {other for group in ALIKE if name in group for other in group}


def _rows(node: ast.AST) -> Iterator[list[ast.expr] | list[ast.stmt]]:
    """The lists in a node whose items can change places: arguments, items, statements."""
    match node:
        case ast.Call(args=args, keywords=keywords):
            yield args
            yield [keyword.value for keyword in keywords]
        case ast.Tuple(elts=items) | ast.List(elts=items):
            yield items
        case ast.FunctionDef(body=body) | ast.If(body=body) | ast.For(body=body):
            yield body


def _changes(node: Node, text: _Text, names: Names) -> Iterator[Edit]:
    """The edits of one node: something else in its place, or only a part of it."""
    start, end = text.span(node)
    parts: list[ast.expr] = []
    if isinstance(node, ast.stmt):
        yield text.put(node, "pass")
    match node:
        case ast.keyword():
            yield text.drop(node)
        case ast.Name(id=name, ctx=ast.Load()) if name in names[""]:
            yield from ((start, end, other) for other in names[""])
        case ast.Attribute(value=value, attr=name):
            others = names.get(text.of(value), set()) | _alike(name)
            yield from ((end - len(name), end, other) for other in others)
        case ast.Constant(value=value):
            yield from (text.put(node, new) for new in _constants(value))
        case ast.UnaryOp(op=op, operand=operand):
            parts = [operand]
            match op, operand:
                case ast.USub(), ast.Constant(value=int() | float() as number):
                    yield from (text.put(node, new) for new in _constants(-number))
        case ast.AugAssign(target=target, value=value):
            yield from text.operators(target, value)
        case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
            parts = [left, right]
            yield from text.operators(left, right)
        case ast.BoolOp(values=parts):
            yield from text.operators(*parts[:2])
        case ast.Subscript(value=value, slice=index):
            parts = [value]
            for item in index.elts if isinstance(index, ast.Tuple) else [index]:
                wider = SLICES if isinstance(item, ast.Slice) else (":", f"{text.of(item)}:")
                yield from (text.put(item, new) for new in wider)
        case ast.Call(func=function, args=args):
            parts = [*args]
            if isinstance(function, ast.Attribute):
                # x.f() works on x; torch.f(x) and self.f(x) on their arguments alone.
                name = text.of(function.value)
                if name in names[""] or not isinstance(function.value, ast.Name):
                    parts.append(function.value)
                if keyword := KEYWORDS.get(function.attr):
                    comma = ", " if node.args or node.keywords else ""
                    yield end - 1, end, f"{comma}{keyword})"
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            new = ("True", "False", f"not ({text.of(test)})")
            yield from (text.put(test, condition) for condition in new)
    for part in parts:
        yield text.put(node, text.of(part))


def _constants(value: object) -> list[str]:
    """Other constants, in the place of one."""
    match value:
        case bool() | None:
            return ["True", "False"]
        case int():
            around = {value - 1, value + 1, -value, 2 * value, -1, 0, 1}
            return [str(n) for n in (around | {-2} if abs(value) < 3 else around)]
        case float():
            return [str(x) for x in (value / 2, value * 2, 1 - value, -value, 0.0, 1.0)]
        case "inf" | "-inf":
            return [f'"{x}"' for x in ("inf", "-inf", "nan", "0", "-1")]
        case str() if "->" in value:
            return [f'"{pattern}"' for pattern in _patterns(value)]
    return []


def _patterns(pattern: str) -> Iterator[str]:
    """A pattern of einops (or einsum, where there is a comma) with two axes of a side swapped."""
    axis = re.compile(r"\w" if "," in pattern else r"\(\)|\w+")
    arrow = pattern.index("->")
    for one, other in combinations(axis.finditer(pattern), 2):
        if one.end() > arrow or other.end() <= arrow:
            between = pattern[one.end() : other.start()]
            yield f"{pattern[: one.start()]}{other[0]}{between}{one[0]}{pattern[other.end() :]}"
