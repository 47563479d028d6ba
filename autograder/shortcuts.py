"""Shortcuts: what a TODO asks to write, called ready made. Noticed in the text, and while checks run.

Which these are stands beside the checks: `FORBIDDEN` maps the public name of a function or class to
the TODOs that ask for it. It is found under its other names as well, down to `torch.ops.aten`.
"""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any

from autograder import results
from autograder.language import _
from autograder.noticed import MOST, Noticed, Spot, spot
from autograder.results import CheckResult, Result, Shortcut, TodoResult, total
from autograder.source import parse_cell

if TYPE_CHECKING:
    from autograder.course import Assignment

# In the worker: the text


def mentions(texts: Mapping[str, str], forbidden: Iterable[str]) -> set[tuple[str, Spot]]:
    """The forbidden names in a student's text, by file or cell. An import alone is no use of it."""
    lasts = {_last(name): name for name in forbidden}
    if not any(last in text for text in texts.values() for last in lasts):
        return set()
    nodes: list[tuple[str, ast.AST]] = []
    for file, text in texts.items():
        try:
            nodes += [(file, node) for top in parse_cell(text, file) for node in ast.walk(top)]
        except SyntaxError:
            continue  # a cell that is left out
    aliases = _aliases([node for _, node in nodes], lasts)
    found = set()
    for file, node in nodes:
        parts = _dotted(node, aliases).split(".")
        for last in lasts.keys() & set(parts):
            if parts[0] == lasts[last].partition(".")[0]:
                found.add((lasts[last], Spot(file, getattr(node, "lineno", 0))))
    return found


def _aliases(nodes: list[ast.AST], lasts: Mapping[str, str]) -> dict[str, str]:
    """What the names of a file stand for, as dotted names; without regard to where in it."""
    aliases: dict[str, str] = {}
    own = {n.name for n in nodes if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    for node in nodes:
        match node:
            case ast.Import(names=names):
                for one in names:
                    root = one.name.partition(".")[0]
                    aliases[one.asname or root] = one.name if one.asname else root
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for one in names:
                    aliases[one.asname or one.name] = f"{module}.{one.name}"
                if names[0].name == "*":
                    every = {last for last in lasts if lasts[last] == f"{module}.{last}"}
                    aliases |= {last: lasts[last] for last in every - own}
    for _again in range(3):  # an alias of an alias
        for node in nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if name not in aliases and (dotted := _dotted(value, aliases)):
                        aliases[name] = dotted
    return aliases


def _dotted(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """The dotted name that an expression spells, "" for any other."""
    attributes: list[str] = []
    while True:
        match node:
            case ast.Attribute(value=inner, attr=attribute):
                pass
            case ast.Call(
                func=ast.Name(id="getattr"), args=[inner, ast.Constant(value=str(attribute)), *_]
            ):
                pass
            case ast.Name(id=name, ctx=ast.Load()) if name in aliases:
                return ".".join([aliases[name], *reversed(attributes)])
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                return ".".join([module, *reversed(attributes)])
            case _:
                return ""
        attributes.append(attribute)
        node = inner


# In the worker: the calls

_names: tuple[str, ...] = ()
_files: tuple[str, ...] = ()
_mentioned: set[tuple[str, Spot]] = set()
_called: set[tuple[str, Spot]] = set()
_inside = False  # a forbidden function that is called by another one


def watch(names: Iterable[str]) -> None:
    """Notice every call of these from here on. Once, in the warm process, before any fork.

    They are wrapped in place, so that whoever does not call them pays nothing. A TorchFunctionMode
    would slow every operation, and switch off fast paths. What is not loaded is not watched.
    """
    import torch

    global _names
    _names = tuple(names)
    for name in _names:
        last = _last(name)
        target = vars(sys.modules.get(name.removesuffix(f".{last}"), object)).get(last)
        if isinstance(target, type):
            # Not its constructor: a layer that is never used is no answer.
            target.forward = _noticing(name, target.forward)  # type: ignore[attr-defined]
        elif target is not None:
            noticing = _noticing(name, target)
            for module in list(sys.modules.values()):
                if getattr(module, "__dict__", {}).get(last) is target:
                    setattr(module, last, noticing)
        if operator := getattr(torch.ops.aten, last, None):
            for one in (operator, *(getattr(operator, o) for o in operator.overloads())):
                one._op = _noticing(name, one._op)


def read(files: tuple[str, ...], texts: Mapping[str, str]) -> None:
    """Take down what is in a student's text; `files` are prefixes of the names of its files."""
    global _files, _mentioned
    _files, _mentioned = files, mentions(texts, _names)


def mentioned() -> set[tuple[str, Spot]]:
    """What was in the text."""
    return _mentioned


def called() -> set[tuple[str, Spot]]:
    """What was called since the last time."""
    found = set(_called)
    _called.clear()
    return found


def _noticing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    from torch.jit._builtins import _find_builtin, _register_builtin

    def noticing(*arguments: Any, **named: Any) -> Any:
        if not enter(name):
            return function(*arguments, **named)
        try:
            return function(*arguments, **named)
        finally:
            leave()

    # TorchScript looks up what a function uses in its globals, and C functions in a table.
    enter, leave = _enter, _leave
    around = getattr(function, "__globals__", globals())
    twin = FunctionType(noticing.__code__, around, closure=noticing.__closure__)
    if operator := _find_builtin(function):  # type: ignore[no-untyped-call]
        _register_builtin(twin, operator)
    return wraps(function)(twin)


def _enter(name: str) -> bool:
    """Take down a call of the code two frames above; False within another one."""
    global _inside
    if _inside:
        return False
    if len(_called) < MOST:
        _called.add((name, spot(sys._getframe(2), _files) or Spot()))
    _inside = True
    return True


def _leave() -> None:
    global _inside
    _inside = False


# In the judge


def found(assignment: "Assignment", noticed: Noticed) -> tuple[Shortcut, ...]:
    """The shortcuts of a submission, in the order of its lines."""
    shortcuts = []
    for name, todos in assignment.forbidden.items():
        named = {where for one, where in noticed.mentioned if one == name}
        calls: dict[Spot, set[tuple[str, bool]]] = {}
        for one, where, check, apart in noticed.called:
            if one == name:
                calls.setdefault(where, set()).add((check, apart))
        if not calls:
            shortcuts += [Shortcut(name, s.file, s.line, False, todos) for s in named]
        for where, runs in calls.items():
            concerned = set(_concerned(assignment, runs))
            if concerned & set(todos):
                # A base class is called from no line of the student's: then where it is named.
                spots = {where} if where.file else named or {where}
                ordered = tuple(todo for todo in todos if todo in concerned)
                shortcuts += [Shortcut(name, s.file, s.line, True, ordered) for s in spots]
    return tuple(sorted(shortcuts, key=lambda s: (s.file, s.line, s.name))[:MOST])


def _concerned(assignment: "Assignment", runs: set[tuple[str, bool]]) -> Iterator[str]:
    """The TODOs whose checks called it; not those that only pass through another one's answer."""
    checks = {check.id: check for check in (*assignment.checks, *assignment.clues)}
    todos = {checks[id].todo for id, _apart in runs if id in checks}
    for id, apart in runs:
        if id in checks and (apart or not todos & set(checks[id].apart)):
            yield checks[id].todo


def concerning(result: Result, todo: TodoResult) -> list[Shortcut]:
    """The shortcuts that were taken in a TODO; those that only stand in the text are none."""
    return [s for s in result.shortcuts if s.called and todo.id in s.todos]


def without_points(result: Result) -> Result:
    """The result where a shortcut fails its TODO."""
    todos = tuple(
        _failed(todo, used[0]) if (used := concerning(result, todo)) and todo.score else todo
        for todo in result.todos
    )
    return replace(result, todos=todos, score=total([todo.score for todo in todos]))


def _failed(todo: TodoResult, used: Shortcut) -> TodoResult:
    sentence = _("This TODO asks you to write it yourself, so it gets no points with {what}.")
    message = sentence.format(what=_what(used))

    def failed(check: CheckResult) -> CheckResult:
        return replace(check, passed=False, message=message) if check.passed else check

    checks = tuple(map(failed, todo.checks))
    return replace(todo, score=0.0, verdict=results.FAILED, checks=checks)


def remark(used: Shortcut) -> str:
    """What a student is told of a shortcut that costs nothing."""
    sentence = _("This TODO asks you to write it yourself, without {what}.")
    return sentence.format(what=_what(used))


def _what(used: Shortcut) -> str:
    name = _last(used.name)
    placed = _("{name} ({file}, line {line})").format(name=name, file=used.file, line=used.line)
    return placed if used.file else name


def _last(name: str) -> str:
    return name.rpartition(".")[2]
