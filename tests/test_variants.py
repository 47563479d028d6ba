"""Reading the catalogue of mistakes and accepted alternatives; `autograder doctor` grades each one."""

from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import CourseError
from autograder.variants import load
from tests.conftest import REPOSITORY

COURSE = Course.find(REPOSITORY)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (
            'edits = [{ find = "no such text", put = "" }]',
            "'no such text' occurs 0 times, not once",
        ),
        ('edits = [{ find = "self.lin", put = "" }]', "'self.lin' occurs 3 times, not once"),
        ("region = 5", "missing or of the wrong type"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(tmp_path: Path, behaviour: str, reason: str) -> None:
    course = Course(tmp_path)
    (course.solutions / "variants").mkdir(parents=True)
    (course.solutions / "lstm.py").write_text(COURSE.solution("lstm").read_text("utf-8"))
    (course.solutions / "variants" / "lstm.toml").write_text(
        f'[[variant]]\nid = "x"\ntodo = "last_step"\naccepted = true\n'
        f"[[variant.behaviour]]\n{behaviour}\n"
    )
    with pytest.raises(CourseError, match=reason):
        load(course, "lstm")
