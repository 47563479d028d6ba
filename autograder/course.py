"""A course: the folder that holds `assignments/`, `solutions/` and `autograder/checks/`.

Also what is known of an assignment without loading torch: its public classes and its checks, as
the warm process describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.check import GIVEN
from autograder.errors import CourseError, UsageError
from autograder.language import _

if TYPE_CHECKING:
    from autograder.settings import CourseSettings

PACKAGE = Path(__file__).resolve().parent
RECORDINGS = "toolkit"  # the folder of a hand-out that holds them


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

    `clues` are looked at only where a TODO is wrong, to find out why. `forbidden` maps what must not
    be used to the TODOs that ask for it.
    """

    name: str
    classes: Mapping[str, tuple[str, ...]]
    files: tuple[str, ...]
    axes: Mapping[str, str]
    checks: tuple[CheckInfo, ...]
    clues: tuple[CheckInfo, ...] = ()
    forbidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any]) -> Assignment:
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
            forbidden={k: tuple(v) for k, v in summary["forbidden"].items()},
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

    def scaled(self, points: Mapping[str, float]) -> Assignment:
        """With the checks of these TODOs scaled, so that each TODO has so many points."""
        checks = (
            replace(c, points=c.points * points[c.todo] / self.points(c.todo))
            if c.todo in points
            else c
            for c in self.checks
        )
        return replace(self, checks=tuple(checks))


class Course:
    """Where a course's files are. In a hand-out there is no `solutions/`."""

    def __init__(self, root: Path, assignments: Path | None = None) -> None:
        self.root = root
        self.assignments = assignments or root / "assignments"
        self.solutions = root / "solutions"
        own_checks = root / "autograder" / "checks"
        self.checks_folder = own_checks if own_checks.is_dir() else PACKAGE / "checks"

    @classmethod
    def find(cls, given: Path | None = None) -> Course:
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
    def find_recordings(cls, folders: Iterable[Path]) -> Course:
        """The course whose recorded observations lie in one of these folders, or beside the package.

        A student has no solutions: a folder with stubs and recordings is enough.
        """
        beside = (
            place
            for folder in folders
            # A hand-out's notebooks lie in a folder of their own, beside that of the recordings.
            for place in (folder, folder / RECORDINGS, folder.resolve().parent / RECORDINGS)
        )
        for folder in (*beside, PACKAGE.parent / "assignments"):
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

    @cached_property
    def settings(self) -> CourseSettings:
        """What course.toml says; the defaults where there is none. Raises CourseError."""
        from autograder import settings  # here, so that nothing is loaded where it is not needed

        path = self.settings_file
        return settings.load(path, self.check_files) if path else settings.CourseSettings()

    @property
    def settings_file(self) -> Path | None:
        """course.toml at the course's root; in a hand-out, beside the recordings."""
        places = (folder / "course.toml" for folder in (self.assignments, self.root))
        return next((path for path in places if path.is_file()), None)

    @property
    def aliases(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """The further names of classes that the settings add, by assignment."""
        if self.settings_file is None:
            return {}
        return {name: aliases.classes for name, aliases in self.settings.aliases.items()}

    def described(self, summaries: Iterable[Mapping[str, Any]]) -> dict[str, Assignment]:
        """The assignments as the warm process says and the settings change them, by name.

        Raises CourseError for a setting of what there is not.
        """
        found = {a.name: a for a in map(Assignment.from_summary, summaries)}
        if self.settings_file is None:
            return found
        from autograder.settings import fitted

        return fitted(self.settings, self.settings_file, found)

    def solution(self, name: str) -> Path:
        """The reference solution of an assignment."""
        path = self.solutions / f"{name}.py"
        if not path.is_file():
            raise CourseError(f"{path} is missing; every assignment with checks needs a solution.")
        return path
