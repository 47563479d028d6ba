"""The catalogue of mistakes and accepted alternatives, each one graded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.errors import CourseError
from autograder.variants import Variant, load
from tests.conftest import REPOSITORY, Grader, messages, scores

COURSE = Course.find(REPOSITORY)
CATALOGUE = [(name, v) for name in COURSE.check_files for v in load(COURSE, name)]

# Mistakes that raise before the rest of the same forward() can be seen at all.
BLOCKING = {"state_hardcoded_cuda", "device_undefined", "foreign_names"}


def behaviours(accepted: bool) -> Iterator[object]:
    for name, variant in CATALOGUE:
        if variant.accepted is accepted:
            for number in range(len(variant.sources)):
                label = f"{name}-{variant.todo}-{variant.id}#{number}"
                yield pytest.param(name, variant, number, id=label)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant", "number"), list(behaviours(accepted=False)))
def test_a_mistake_loses_points_in_its_own_todo_only(
    grader: Grader, name: str, variant: Variant, number: int
) -> None:
    result = grader.grade(name, variant.sources[number])
    full = {id: grader.assignments[name].points(id) for id in grader.assignments[name].todos}
    lost = {id for id, score in scores(result).items() if score < full[id]}
    if variant.id in BLOCKING:
        assert "could not be judged until h0_c0 works" in messages(result)
        lost -= {"last_step"}
    assert lost == {variant.todo}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant", "number"), list(behaviours(accepted=True)))
def test_an_accepted_alternative_gets_full_marks(
    grader: Grader, name: str, variant: Variant, number: int
) -> None:
    result = grader.grade(name, variant.sources[number])
    assert result.score == result.max_score, messages(result)


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
