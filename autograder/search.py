"""Search the text of what was handed in for classes and for TODOs; nothing is parsed here.

What stands in a text is up to whoever hands it in, and all of a class waits meanwhile: so a text is
searched once for all assignments, in a time that grows with its length only, and not without end.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from autograder.course import Assignment

WORD = 100  # bytes that are searched in the time that one of the words takes


@dataclass(frozen=True)
class File:
    """One file of a submission. `data` is None where it is over its limit."""

    path: PurePosixPath
    size: int
    data: bytes | None


class Search:
    """What the files of one submission hold of some assignments, in at most so many bytes."""

    def __init__(self, assignments: Iterable[Assignment], most: int) -> None:
        names: set[str] = set()
        todos: set[str] = set()
        for assignment in assignments:
            names.update(*(_names(*item) for item in assignment.classes.items()))
            todos.update(_todos(assignment))
        # Each begins with a word, which the text is searched for quickly; what stands before it is
        # looked at only there, and no space twice.
        self._class = re.compile(rf"class(?<=\bclass)\s++({_any(names)})\b")
        self._placeholder = re.compile(
            r"TODO (?:(?<=\S  # TODO )|(?<=raise NotImplementedError\(.TODO )"
            rf"|(?<=raise NotImplementedError\(..TODO ))({_any(todos)})\b"
        )
        self._found: dict[bytes, tuple[set[str], set[str]] | None] = {}
        self._room = most
        self.left_out: dict[PurePosixPath, None] = {}  # in the order in which they were asked for

    def defines(self, file: File, assignment: Assignment) -> bool:
        """Whether every class with a TODO is defined."""
        found = self._in(file)
        return found is not None and all(
            found[0].intersection(_names(*item)) for item in assignment.classes.items()
        )

    def untouched(self, file: File, assignment: Assignment) -> bool:
        """Whether the placeholder of every TODO is still there; so it is where nobody has looked."""
        if file.data is None:
            return False
        found, todos = self._in(file), _todos(assignment)
        return found is None or (bool(todos) and todos <= found[1])

    def _in(self, file: File) -> tuple[set[str], set[str]] | None:
        """The classes that a file defines, and the TODOs whose placeholder it has."""
        if file.data is None:
            return None
        if file.data not in self._found:
            self._found[file.data] = self._searched(file.data)
        found = self._found[file.data]
        if found is None:
            self.left_out[file.path] = None
        return found

    def _searched(self, data: bytes) -> tuple[set[str], set[str]] | None:
        if not self._pay(len(data)):
            return None
        text = _text(data)
        if not self._pay(WORD * (text.count("class") + text.count("TODO "))):
            return None
        classes = {match[1] for match in self._class.finditer(text)}
        todos = {match[1] for match in self._placeholder.finditer(text)}
        return classes, todos

    def _pay(self, cost: int) -> bool:
        """Whether there is room for it; then there is so much less."""
        if enough := cost <= self._room:
            self._room -= cost
        return enough


def _names(public: str, aliases: tuple[str, ...]) -> set[str]:
    return {public, *aliases}


def _todos(assignment: Assignment) -> set[str]:
    return {id for id in assignment.todos if assignment.points(id)}


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words)))


def _text(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return data.decode(encoding, "replace").replace("\\n", "\n")  # as a notebook writes them
