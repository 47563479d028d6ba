"""A course: the folder that holds `assignments/`, `solutions/` and `autograder/checks/`.

Also what is known of an assignment without loading torch: its public classes and its checks, as
the warm process describes them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.check import GIVEN
from autograder.errors import CourseError, UsageError
from autograder.language import _

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class CheckInfo:
    """A check as the judge knows it: everything but its code."""

    id: str
    todo: str
    points: float
    title: str
    apart: tuple[str, ...] = ()
    clue: bool = False
    always: bool = False
    gpu: bool = False


@dataclass(frozen=True)
class Assignment:
    """One module with TODOs. `classes` maps each public class to its aliases.

    `clues` are looked at only where a TODO is wrong, to find out why.
    """

    name: str
    classes: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...]
    axes: Mapping[str, str]
    checks: tuple[CheckInfo, ...]
    clues: tuple[CheckInfo, ...] = ()

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> "Assignment":
        """From what the warm process says of it."""
        checks = [
            CheckInfo(
                c["id"],
                c["todo"],
                c["points"],
                c["title"],
                tuple(c["apart"]),
                c["clue"],
                c["always"],
                c["gpu"],
            )
            for c in summary["checks"]
        ]
        return cls(
            name=summary["name"],
            classes={k: tuple(v) for k, v in summary["classes"].items()},
            files=tuple(summary["files"]),
            axes=summary["axes"],
            checks=tuple(c for c in checks if not c.clue),
            clues=tuple(c for c in checks if c.clue),
        )

    @cached_property
    def todos(self) -> dict[str, tuple[CheckInfo, ...]]:
        """The checks of each TODO, TODOs in the order of their first check; "given" comes last."""
        ids = dict.fromkeys(c.todo for c in self.checks if c.todo != GIVEN)
        if any(c.todo == GIVEN for c in self.checks):
            ids[GIVEN] = None
        return {todo: tuple(c for c in self.checks if c.todo == todo) for todo in ids}

    def points(self, todo: str | None = None) -> float:
        """The points of one TODO, or of the whole assignment."""
        return sum(c.points for c in self.checks if todo is None or c.todo == todo)


class Course:
    """Where a course's files are. In a hand-out there is no `solutions/`."""

    def __init__(self, root: Path, assignments: Path | None = None) -> None:
        self.root = root
        self.assignments = assignments or root / "assignments"
        self.solutions = root / "solutions"
        own_checks = root / "autograder" / "checks"
        self.checks_folder = own_checks if own_checks.is_dir() else PACKAGE / "checks"

    @classmethod
    def find(cls, given: Path | None = None) -> "Course":
        """The course to grade with: the one given, else the one around the installed package, else
        the one around the current folder.

        In this order, so that running the grader inside a submission never takes its files for
        solutions.
        """
        if given is not None:
            if not (given / "solutions").is_dir():
                raise UsageError(
                    f"{given} is not a course: it has no solutions/ folder; "
                    "give --course the folder that holds solutions/ and assignments/."
                )
            return cls(given.resolve())
        here = Path.cwd()
        for folder in (PACKAGE.parent, here, *here.parents):
            if (folder / "solutions").is_dir() and (folder / "assignments").is_dir():
                return cls(folder)
        raise UsageError(
            "no course was found here; run this inside the course's folder, or give --course FOLDER."
        )

    @classmethod
    def find_recordings(cls, folders: Iterable[Path]) -> "Course":
        """The course whose recorded observations lie in one of these folders, or beside the package.

        A student has no solutions: a folder with stubs and recordings is enough.
        """
        for folder in (*folders, PACKAGE.parent / "assignments"):
            if next(folder.glob("*.safetensors"), None) is not None:
                return cls(folder.parent, folder)
        raise UsageError(
            _(
                "there are no recorded observations (*.safetensors) beside your files; work in the "
                "folder of the hand-out."
            )
        )

    @cached_property
    def check_files(self) -> dict[str, Path]:
        """The file of each assignment's checks, by the assignment's name."""
        return {
            path.stem: path
            for path in sorted(self.checks_folder.glob("*.py"))
            if not path.stem.startswith("_")
        }

    def solution(self, name: str) -> Path:
        """The reference solution of an assignment."""
        path = self.solutions / f"{name}.py"
        if not path.is_file():
            raise CourseError(f"{path} is missing; every assignment with checks needs a solution.")
        return path
