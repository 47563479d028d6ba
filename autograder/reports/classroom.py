"""GitHub Classroom's result of a step: a student's results in, the object of its version 3 out.

The workflow hands it on in base64; the points are the sum of the tests' scores, out of `max_score`.
"""

from collections.abc import Sequence
from typing import Any

from autograder import results
from autograder.language import _
from autograder.reports.files import complaints, mark, named, not_run, verdict
from autograder.reports.terminal import without_markup
from autograder.reports.text import plain
from autograder.results import Result, TodoResult


def classroom(checked: Sequence[Result]) -> dict[str, Any]:
    """A test for each TODO."""
    tests = [
        _test(
            name=f"{result.assignment}: {todo.id}",
            status="pass" if todo.verdict == results.PASSED else "fail",
            message="" if todo.verdict == results.PASSED else _message(todo),
            task_id=number,
            filename=result.source,
            duration=round(result.seconds / len(result.todos), 3),
            score=todo.score,
        )
        for number, result in enumerate(checked, start=1)
        for todo in result.todos
    ]
    if any(result.grader_error for result in checked):
        status = "error"
    else:
        status = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    most = results.total([result.max_score for result in checked])
    return {"version": 3, "status": status, "max_score": most, "tests": tests}


def unfinished() -> dict[str, Any]:
    """What is to be said until there is a result, and when there is none: at a timeout, say."""
    reason = _("The checks did not come to an end; what the step printed says more.")
    test = _test(name="autograder check", status="error", message=str(reason))
    return {"version": 3, "status": "error", "max_score": 0.0, "tests": [test]}


def _message(todo: TodoResult) -> str:
    said = [f"{mark(todo)} {verdict(todo)}", *map(without_markup, named(todo))]
    for title, message in complaints(todo):
        said += [title, message]
    said += not_run(todo)
    return plain("\n".join(said))


def _test(
    *,
    name: str,
    status: str,
    message: str = "",
    task_id: int = 0,
    filename: str = "",
    duration: float = 0.0,
    score: float = 0.0,
) -> dict[str, Any]:
    return {
        "name": plain(name),
        "status": status,
        "message": message,
        "test_code": "autograder check",
        "task_id": task_id,
        "filename": plain(filename),
        "line_no": 0,
        "duration": duration,
        "score": score,
    }
