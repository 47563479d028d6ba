"""A pytest plugin: `pytest --submission PATH` runs each check of a student's files as a test.

They are judged as by `autograder check`; or, with `--reference SOLUTIONS`, against the solutions, and
mistakes are named. Without `--submission` nothing happens, and nothing is loaded. It is for one's own
work: a conftest.py or pytest.ini beside it has its say in what pytest reports.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograder import language
from autograder.language import _
from autograder.reports.text import plain

if TYPE_CHECKING:
    from autograder.course import Assignment, CheckInfo
    from autograder.results import Result
    from autograder.submission import Work


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("autograder")
    group.addoption("--submission", metavar="PATH", help="run the checks of this folder or file")
    group.addoption("--reference", metavar="SOLUTIONS", help="compare with this solutions/ folder")
    group.addoption("--autograder-seed", type=int, metavar="N", help="the seed, with --reference")


def pytest_configure(config: pytest.Config) -> None:
    options = config.option
    if options.reference and not options.submission:
        raise pytest.UsageError("--reference needs --submission, the folder or file to judge.")
    if (seed := options.autograder_seed) is not None and (seed < 0 or not options.reference):
        raise pytest.UsageError("--autograder-seed is a number from 0 on, and needs --reference.")
    if options.submission:
        language.use(None)
        config.pluginmanager.register(Grading(config))
        if config.args_source is not config.ArgsSource.ARGS:
            config.args = []  # no other tests than the ones asked for


class Grading:
    """A submission, and what judges it, in one session of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self._config, self.reference = config, config.option.reference
        self._path = Path(config.option.submission)
        given = vars(config.option) | getattr(config, "workerinput", {})
        seed: int | None = given["autograder_seed"]
        self.seed = secrets.randbelow(2**31) if seed is None else seed

    def pytest_sessionstart(self) -> None:
        """Find the work: what cannot be judged is said at once."""
        from autograder.course import Course
        from autograder.errors import AutograderError
        from autograder.own import find_work, recorded_course, require_code
        from autograder.pool import Warm

        try:
            require_code([self._path])
            if self.reference:
                solutions = Path(self.reference).resolve()
                self.course = Course(solutions.parent)
                self.course.solutions = solutions
            else:
                self.course = recorded_course([self._path.resolve()])
            # Without a reference it is a student's own code, as for `autograder check`.
            self.warm = Warm(
                self.course.check_files,
                aliases=self.course.aliases,
                lockdown=bool(self.reference),
            )
            self._config.add_cleanup(self.warm.close)
            self._assignments = self.course.described(self.warm.summaries)
            self._works = find_work([self._path], self._assignments)
            for work in self._works if self.reference else ():
                self.course.solution(work.assignment)  # is it there?
        except AutograderError as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """A hook of pytest-xdist: its workers judge, each what it needs, and all with one seed."""
        node.workerinput["autograder_seed"] = self.seed
        self.warm.close()

    def pytest_report_header(self) -> list[str]:
        lines = [", ".join(f"{work.assignment} ({work.source})" for work in self._works)]
        lines += [note for work in self._works for note in work.notes]
        if self.reference:
            lines.append(f"seed {self.seed} (--autograder-seed {self.seed} repeats it)")
        return [f"autograder: {plain(line)}" for line in lines]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add our checks to what is collected from the command line."""
        report = yield
        if isinstance(collector, pytest.Session):
            for work in self._works:
                name = work.assignment
                path = self._path / work.source if self._path.is_dir() else self._path
                graded: Graded = Graded.from_parent(
                    collector, name=name, nodeid=name, path=path.resolve()
                )
                graded.grading, graded.work, graded.assignment = self, work, self._assignments[name]
                report.result.append(graded)
        return report


class Graded(pytest.Collector):
    """An assignment of the submission, and its result."""

    grading: Grading
    work: Work
    assignment: Assignment

    def collect(self) -> Iterator[Check]:
        for todo, checks in self.assignment.todos.items():
            for check in checks:
                name = f"{todo}::{check.id}"  # what stands before the "::" is the class in JUnit
                item: Check = Check.from_parent(self, name=name, nodeid=f"{self.name}/{name}")
                item.graded, item.check = self, check
                yield item

    @cached_property
    def result(self) -> Result:
        """Judged once, when a check of it is first run; with a reference, mistakes are named."""
        from autograder.diagnose import Catalogue
        from autograder.errors import AutograderError
        from autograder.examine import examine_reference
        from autograder.grade import grade_work, refused
        from autograder.own import check_work

        work, assignment = self.work, self.assignment
        warm, course, seed = self.grading.warm, self.grading.course, self.grading.seed
        try:
            if not self.grading.reference:
                return check_work(warm, course, work, assignment)
            source = course.solution(assignment.name).read_bytes()
            reference = examine_reference(warm, assignment, source, seed)
            with closing(Catalogue(warm, course, assignment, seed)) as catalogue:
                return grade_work(warm, "", work, assignment, reference, seed, catalogue=catalogue)
        except AutograderError as error:
            return replace(refused("", assignment, "", seed), grader_error=str(error))


class Check(pytest.Item):
    """A check. A wrong answer is a failure; where the grader is at fault it is an error."""

    graded: Graded
    check: CheckInfo
    wrong = ""

    def setup(self) -> None:
        """Take from the result what is said of this check."""
        from autograder.reports.files import carried, named, not_run
        from autograder.reports.terminal import without_markup

        result = self.graded.result
        if result.grader_error:
            reason = _("The grader failed on this; it is not your mistake, and your mark is open.")
            pytest.fail(f"{reason}\n{result.grader_error}", pytrace=False)
        todos = [todo for todo in result.todos if todo.id == self.check.todo]
        found = [(todo, c) for todo in todos for c in todo.checks if c.id == self.check.id]
        if not found and result.score < result.max_score:
            pytest.skip(_("This code was given, and it was not seen to differ."))
        notes = list(result.notes)
        for todo, seen in found:
            if not seen.ran and not seen.withheld:
                pytest.skip(plain(seen.message))
            if seen.withheld:
                self.wrong = plain("\n".join(not_run(replace(todo, checks=(seen,)))))
            elif seen.passed:
                notes += [*carried(todo), *filter(None, [seen.message])]
            else:
                title = _("Checked: {title}").format(title=seen.title)
                said = [*map(without_markup, named(todo)), seen.message, title]
                self.wrong = plain("\n".join(said))
                self.user_properties += [("diagnosis", id) for id in todo.diagnosis]
        points = 0.0 if self.wrong else self.check.points
        self.user_properties += [("points", points), ("max_points", self.check.points)]
        for kind, text in (("notes", "\n".join(notes)), ("stdout", result.output)):
            if text:
                self.add_report_section("call", kind, plain(text))

    def runtest(self) -> None:
        if self.wrong:
            pytest.fail(self.wrong, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.nodeid
