"""What Otter's tests call: one check of a notebook's TODO, passed or explained.

At a student's desk the checks run in the notebook's own process, on its globals (`inplace`). Where
Otter grades, `Isolated`, a plugin of its own kind, takes the student's cells out before anything is
run, and the notebook's file is judged in a worker, as by `autograder check`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from autograder import language, mistakes, record
from autograder.check import GIVEN
from autograder.course import Assignment, Course
from autograder.errors import AutograderError
from autograder.language import _
from autograder.reports.files import named, not_run
from autograder.reports.terminal import without_markup
from autograder.reports.text import plain
from autograder.results import PASSED, TodoResult

# The name of the submission's file in an environment from which the student's cells were taken out.
SUBMISSION = "autograder_submission"


class Wrong(Exception):
    """The notebook does not pass a check; `str()` is what the student reads."""


class Broken(BaseException):
    """The grader is at fault. Not an Exception: Otter would take that for a wrong answer."""


class Isolated:
    """A plugin for Otter (`plugins` in otter_config.json): no cell of a student is run beside the tests.

    Otter runs its tests in the process of the notebook, where a student's code could change them,
    end them or wait forever. Here the tests are given the submission's file instead.
    """

    def __init__(self, submission_path: str, submission_metadata: object, config: object) -> None:
        self._path = submission_path

    def before_execution(self, notebook: Any) -> Any:
        """Called by Otter: the notebook as it was submitted -> the one to run."""
        import nbformat.v4 as v4

        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cell = v4.new_code_cell(f"{SUBMISSION} = {self._path!r}")  # type: ignore[no-untyped-call]
        return v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})  # type: ignore[no-untyped-call]


# What to say of each check of the TODO that was judged last, until it is asked for: "" if it is
# passed. Each answer is given once. So the first check of a TODO judges the notebook as it is by then,
# and the others have their answers from that.
_answers: dict[tuple[str, str], str] = {}


def check(env: dict[str, Any], assignment: str, check: str, lang: str) -> None:
    """Raise Wrong unless the notebook, with these globals, passes a check of an assignment."""
    language.use(lang)
    if (assignment, check) not in _answers:
        try:
            todos, notes = _judged(env, assignment)
        except AutograderError as error:
            raise Broken(str(error)) from None
        except Exception as error:
            reason = _("The grader failed on this; it is not your mistake, and your mark is open.")
            raise Broken(reason) from error
        todo = next(todo for todo in todos if any(c.id == check for c in todo.checks))
        given = [todo for todo in todos if todo.id == GIVEN]
        for sentence in not_run(todo):
            print(plain(sentence))
        _answers.clear()
        for id, message in answers(todo, given, notes).items():
            _answers[assignment, id] = message
    if message := _answers.pop((assignment, check)):
        raise Wrong(message)


def answers(todo: TodoResult, given: Sequence[TodoResult], notes: Sequence[str]) -> dict[str, str]:
    """What to say of each check of a TODO. What is not of one check alone is said at the first."""
    found: dict[str, str] = {}
    about = [*named(todo), *(line for one in given for line in named(one)), *notes]
    for one in todo.checks:
        # Otter knows passed and failed only: what was not run goes with the rest of its TODO.
        if one.passed or (not one.ran and todo.verdict == PASSED):
            found[one.id] = ""
            continue
        said = [one.message] if one.ran else not_run(replace(todo, checks=(one,)))
        lines = [*map(without_markup, about), *said]
        # Otter shows a message as HTML, and as plain text.
        found[one.id] = re.sub(r"<(?=[\w/!?])", "‹", plain("\n".join(lines)))
        about = []
    return found


def _judged(env: dict[str, Any], name: str) -> tuple[Sequence[TodoResult], Sequence[str]]:
    if SUBMISSION in env:
        return _judged_apart(env[SUBMISSION], name)
    return _judged_in_place(env, name), ()


def _course() -> Course:
    return _course_in(Path.cwd())


@cache
def _course_in(here: Path) -> Course:
    return Course.find_recordings([here, here / "assignments"])


@cache
def _judged_apart(path: str, name: str) -> tuple[Sequence[TodoResult], Sequence[str]]:
    """Judge a submission's file in a worker. Raises AutograderError and Broken."""
    from autograder.own import check_work
    from autograder.pool import Warm
    from autograder.submission import Submission, read_own, works

    course = _course()
    main = Path(path)
    files = [
        # It was handed in for this assignment, whatever it is called; what lies beside may be needed.
        replace(file, path=PurePosixPath(name + main.suffix))
        if file.path.name == main.name
        else file
        for file in read_own(main.parent).files
        if file.path.name != "__init__.py"  # Otter's
    ]
    with Warm(course.check_files, preload=["nbformat"], aliases=course.aliases) as warm:
        assignment = course.described(warm.summaries)[name]
        (work,) = works(Submission("", tuple(files)), {name: assignment})
        result = check_work(warm, course, work, assignment)
    if result.grader_error:
        raise Broken(result.grader_error)
    return result.todos, result.notes


def _judged_in_place(env: dict[str, Any], name: str) -> Sequence[TodoResult]:
    """Judge the globals of a notebook, in its own process."""
    from autograder.diagnose import diagnose
    from autograder.inplace import observing, untouched
    from autograder.judge import judge
    from autograder.warm import checks_of

    course = _course()
    module, assignment = _checks(course, name)
    reference = record.load(course.assignments / f"{name}.safetensors", course.check_files[name])
    known = mistakes.load(course.assignments / f"{name}.mistakes.npz")
    left = untouched(env, assignment.classes)
    with observing(env, name, assignment.classes, checks_of(module), record.PUBLIC_SEED) as observe:
        todos = judge(assignment, reference, observe, left)
        return diagnose(assignment, todos, reference, observe, known) if known else todos


@cache
def _checks(course: Course, name: str) -> tuple[Any, Assignment]:
    from autograder.warm import classes_of, load_checks, summary

    modules = {one: load_checks(one, path) for one, path in course.check_files.items()}
    summaries = [
        summary(one, module, classes_of(module, course.aliases.get(one, {})))
        for one, module in modules.items()
    ]
    return modules[name], course.described(summaries)[name]
