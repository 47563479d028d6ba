"""What is noticed of a submission besides its answers: shortcuts and attempts, as plain data.

A worker sends it along with its replies, and the judge adds what it sees itself. It is evidence for
the TA: a submission can keep quiet about itself, so nothing that counts may rest on its absence.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from pathlib import PurePath
from types import FrameType
from typing import Any

MOST = 50  # of each kind in one reply
MOST_TEXT = 200  # characters of a name
MOST_KEPT = 1000  # of each kind, in all replies of a submission: more tell a TA nothing more


@dataclass(frozen=True, order=True)
class Spot:
    """A line of the student's code; without a file: no line is known."""

    file: str = ""
    line: int = 0


@dataclass
class Noticed:
    """`mentioned` and `called` hold forbidden names: in the text, and while a check ran (apart or not).

    `attempted` holds what else was tried, by its kind, with where it was tried first.
    """

    mentioned: set[tuple[str, Spot]] = field(default_factory=set)
    called: set[tuple[str, Spot, str, bool]] = field(default_factory=set)
    attempted: dict[str, Spot] = field(default_factory=dict)

    def attempt(self, kind: str, spot: Spot) -> None:
        """The first one of each kind counts."""
        self.attempted.setdefault(kind, spot)

    def add(self, other: "Noticed") -> None:
        self.mentioned |= other.mentioned
        self.called |= other.called
        for kind, spot in other.attempted.items():
            self.attempt(kind, spot)

    def add_packed(self, tree: Any, check: str = "", *, apart: bool = False) -> None:
        """What came with the reply to a check. Raises ValueError for what `pack` does not produce."""
        if not isinstance(tree, dict) or not tree.keys() <= {"mentioned", "called", "attempted"}:
            raise ValueError("what was noticed is not as it should be")
        if len(self.mentioned) < MOST_KEPT:
            self.mentioned |= set(_unpacked(tree.get("mentioned", [])))
        if len(self.called) < MOST_KEPT:
            self.called |= {(*one, check, apart) for one in _unpacked(tree.get("called", []))}
        if len(self.attempted) < MOST_KEPT:
            for kind, spot in _unpacked(tree.get("attempted", [])):
                self.attempt(kind, spot)


def pack(**found: Set[tuple[str, Spot]]) -> Mapping[str, Any]:
    """What a worker adds to a reply; nothing where nothing was noticed."""
    tree = {
        key: [[name, spot.file, spot.line] for name, spot in sorted(some)[:MOST]]
        for key, some in found.items()
        if some
    }
    return {"noticed": tree} if tree else {}


def _unpacked(entries: Any) -> list[tuple[str, Spot]]:
    found = []
    if not isinstance(entries, list) or len(entries) > MOST:
        raise ValueError("too much was noticed")
    for entry in entries:
        match entry:
            case [str(name), str(file), int(line)] if type(line) is int and 0 <= line < 2**31:
                found.append((name[:MOST_TEXT], Spot(file[:MOST_TEXT], line)))
            case _:
                raise ValueError("what was noticed is not as it should be")
    return found


def spot(
    frame: FrameType | None,
    files: tuple[str, ...],
    through: Callable[[str], bool] = lambda file: True,
) -> Spot | None:
    """The innermost line of the student's own files, outwards from a frame.

    `files` are the prefixes of their names; None where a file is passed that is not to be passed
    `through`.
    """
    while frame:
        file = frame.f_code.co_filename
        if file.startswith(files):
            return Spot(PurePath(file).name[:MOST_TEXT], frame.f_lineno or 0)
        if not through(file):
            return None
        frame = frame.f_back
    return None
