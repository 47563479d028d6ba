"""What the tests share: the installed command, and one warm process with its references."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from autograder.course import Assignment, Course
from autograder.diagnose import Catalogue
from autograder.examine import examine_reference
from autograder.grade import grade_work
from autograder.judge import Reference
from autograder.limits import DEFAULT, Limits
from autograder.pool import Job, Warm
from autograder.results import Result, TodoResult
from autograder.submission import Work

REPOSITORY = Path(__file__).resolve().parents[1]
SUBMISSIONS = REPOSITORY / "tests" / "submissions"
ASSIGNMENTS = ("lstm", "attention", "vit", "aae")
SEED = 7
# Every command that is run speaks English, whatever the locale of who runs the tests.
os.environ |= {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "C.UTF-8"}


class Grader:
    """Grades source text in a real worker, against the real reference."""

    def __init__(self, warm: Warm) -> None:
        self.warm = warm
        self.course = Course.find(REPOSITORY)
        self.assignments = {a.name: a for a in map(Assignment.from_summary, warm.summaries)}
        self._references: dict[tuple[str, int], Reference] = {}
        self._catalogues: dict[tuple[str, int], Catalogue] = {}

    def reference(self, name: str, seed: int = SEED) -> Reference:
        if (name, seed) not in self._references:
            source = self.course.solution(name).read_bytes()
            assignment = self.assignments[name]
            self._references[name, seed] = examine_reference(self.warm, assignment, source, seed)
        return self._references[name, seed]

    def catalogue(self, name: str, seed: int = SEED) -> Catalogue:
        """What known mistakes show; computed once for all tests."""
        if (name, seed) not in self._catalogues:
            assignment = self.assignments[name]
            self._catalogues[name, seed] = Catalogue(self.warm, self.course, assignment, seed)
        return self._catalogues[name, seed]

    def close(self) -> None:
        for catalogue in self._catalogues.values():
            catalogue.close()

    def solution(self, name: str) -> str:
        return self.course.solution(name).read_text("utf-8")

    def stub(self, name: str) -> str:
        return (self.course.assignments / f"{name}.py").read_text("utf-8")

    def grade(
        self,
        name: str,
        source: str | bytes,
        *,
        seed: int = SEED,
        limits: Limits = DEFAULT,
        file: str = "",
        helpers: Mapping[str, bytes] | None = None,
        diagnose: bool = False,
    ) -> Result:
        """The result of one file for one assignment; at will with its mistakes named."""
        file = file or f"{name}.py"
        data = source.encode() if isinstance(source, str) else source
        job = Job(name, file, {**(helpers or {}), file: data})
        work = Work(name, file, job)
        reference = self.reference(name, seed)
        catalogue = self.catalogue(name, seed) if diagnose else None
        return grade_work(
            self.warm, "test", work, self.assignments[name], reference, seed, limits, catalogue
        )


@pytest.fixture(scope="session")
def grader() -> Iterator[Grader]:
    course = Course.find(REPOSITORY)
    with Warm(course.check_files, preload=["nbformat"]) as warm:
        one = Grader(warm)
        yield one
        one.close()


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed `autograder` command, as a user does, from a folder of the user's own."""

    def call(
        *arguments: str | Path, cwd: Path, timeout: float = 300, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        # What the tests hand in is ours, so that a machine without isolation can run them as well.
        trust = ("--trust",) if arguments[0] == "grade" else ()
        return subprocess.run(
            [Path(sys.executable).with_name("autograder"), *arguments, *trust],
            cwd=cwd,
            env={**os.environ, "COLUMNS": "100", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call


def todo(result: Result, id: str) -> TodoResult:
    return next(t for t in result.todos if t.id == id)


def scores(result: Result) -> dict[str, float]:
    return {t.id: t.score for t in result.todos}


def messages(result: Result) -> str:
    return "\n".join(check.message for t in result.todos for check in t.checks if check.message)


def fill(stub: str, **answers: str) -> str:
    """A stub with TODOs filled in: each answer replaces the placeholder line of that TODO."""
    lines = []
    for line in stub.splitlines():
        for id, answer in answers.items():
            if f'"TODO {id}:' in line or line.rstrip().endswith(f"# TODO {id}"):
                indent = line[: len(line) - len(line.lstrip())]
                lines += [indent + text if text else "" for text in answer.strip("\n").split("\n")]
                break
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"
