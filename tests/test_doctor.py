"""The doctor, on a fifth assignment in a course of its own, sound and then broken in every way."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import REPOSITORY

Run = Callable[..., CompletedProcess[str]]

SOLUTION = '''
"""Centre the rows of a table."""

from torch import Tensor, nn


class Centre(nn.Module):
    """Each row without its mean."""

    def forward(self, x: Tensor) -> Tensor:
        """x (row, column) -> the same shape; every row sums to 0."""
        # TODO centre: Take its own mean from each row.
        # BEGIN SOLUTION centre
        x = x - x.mean(dim=1, keepdim=True)
        # END SOLUTION
        return x
'''
CHECKS = '''
"""Checks for centring."""

from autograder.check import check, gradients, tensor

CLASSES = {"Centre": ()}
AXES = {"centred": "row column"}


@check(todo="centre", points=1)
def rows_sum_to_zero(module, draw):
    """Every row loses its own mean."""
    return {"centred": module.Centre()(draw(3, 5))}


@check(todo="centre", points=1)
def gradients_reach_the_table(module, draw):
    """Gradients reach the table."""
    x = draw(4, 3).requires_grad_()
    return gradients({"centred": tensor(module.Centre()(x), "centred")}, {"x": x}, draw)
'''
CATALOGUE = """
[[variant]]
id = "over_columns"
todo = "centre"
hint = { en = "Sum a row of the result.", ko = "결과의 한 행을 더해 보세요." }
feedback = { en = "You took the means of the columns.", ko = "열의 평균을 뺐습니다." }
[[variant.behaviour]]
edits = [{ find = "dim=1", put = "dim=0" }]

[[variant]]
id = "not_centred"
todo = "centre"
hint = { en = "Compare x before and after.", ko = "전후의 x를 비교해 보세요." }
feedback = { en = "Nothing was taken from the rows.", ko = "행에서 아무것도 빼지 않았습니다." }
[[variant.behaviour]]
region = "x = x * 1"

[[variant]]
id = "sum_over_count"
todo = "centre"
accepted = true
[[variant.behaviour]]
region = "x = x - x.sum(1, keepdim=True) / x.size(1)"
"""
TRANSLATIONS = """
[[centre]]
en = "TODO centre: Take its own mean from each row."
text = "TODO centre: 각 행에서 그 행의 평균을 빼세요."
"""
# 2-D only: the last axis is the same one.
EQUIVALENT = """
[[equivalent]]
assignment = "centre"
mutant = "{id}"
reason = "the table has two axes, so that the last one is axis 1"
"""
HANDOUT = "# Centring\n\n`self.forward` it is.\n\n<!-- points -->\n<!-- end of points -->\n"


@pytest.fixture(scope="module")
def built(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with one assignment, made by CONTRIBUTING's list, stubs and recordings included."""
    course = tmp_path_factory.mktemp("fifth") / "course"
    for name, text in {
        "solutions/centre.py": SOLUTION.lstrip(),
        "solutions/variants/centre.toml": CATALOGUE,
        "solutions/translations/ko.toml": TRANSLATIONS,
        "autograder/checks/centre.py": CHECKS,
        "assignments/centre.en.md": HANDOUT.replace("`self.forward` it is.", ""),
        "assignments/centre.ko.md": HANDOUT.replace("`self.forward` it is.", ""),
    }.items():
        path = course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for command in ("stubs", "record"):
        done = run(command, "--course", course, cwd=course)
        assert (done.returncode, done.stderr) == (0, "")
    # Mutants that are right are recorded, each with its reason.
    done = run("doctor", "--course", course, cwd=course)
    ids = [
        line.partition("the mutant ")[2].partition(" survives")[0]
        for line in done.stdout.splitlines()
        if " survives: " in line
    ]
    entries = "".join(EQUIVALENT.replace("{id}", id.replace('"', '\\"')) for id in ids)
    (course / "solutions" / "variants" / "equivalent.toml").write_text(entries, "utf-8")
    return course


@pytest.fixture
def course(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "course"))


def doctor(run: Run, course: Path, *options: str) -> CompletedProcess[str]:
    return run("doctor", "--course", course, *options, cwd=course, COLUMNS="200")


def change(course: Path, name: str, find: str, put: str) -> None:
    path = course / name
    text = path.read_text("utf-8")
    assert text.count(find) == 1
    path.write_text(text.replace(find, put), "utf-8")


def test_a_sound_course_is_proven_to_be(run: Run, course: Path) -> None:
    done = doctor(run, course, "--seeds", "2", "--matrix", "matrix.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all proofs hold" in done.stdout
    rows = list(csv.DictReader((course / "matrix.csv").read_text("utf-8").splitlines()))
    assert {row["mistake"] for row in rows} == {"over_columns", "not_centred"}
    assert {row["check"] for row in rows} == {"rows_sum_to_zero", "gradients_reach_the_table"}
    assert all(
        row["orders of magnitude"] == "certain" or float(row["orders of magnitude"]) > 2
        for row in rows
    )


def test_the_new_assignment_is_graded_and_its_mistakes_are_named(run: Run, course: Path) -> None:
    class_ = course / "class"
    answers = {"right": "dim=1", "wrong": "dim=0", "else": "dim=1) * 0 + x.max(dim=1"}
    for name, put in answers.items():
        (class_ / name).mkdir(parents=True)
        text = SOLUTION.replace("dim=1", put)
        (class_ / name / "centre.py").write_text(text, "utf-8")
    shutil.copy(course / "assignments" / "centre.py", class_ / "untouched.py")
    done = run("grade", class_, "-o", "out", "--course", course, cwd=course)
    assert done.returncode == 0, done.stderr
    lines = (course / "out" / "results.jsonl").read_text("utf-8").splitlines()
    found = {(line := json.loads(text))["submission"]: line for text in lines}
    assert found["right"]["score"] == 2
    assert found["wrong"]["todos"][0]["diagnosis"] == ["over_columns"]
    assert found["wrong"]["todos"][0]["feedback"] == ["You took the means of the columns."]
    assert found["else"]["todos"][0]["diagnosis"] == []
    assert found["untouched"]["todos"][0]["verdict"] == "not attempted"


@pytest.mark.parametrize(
    ("name", "find", "put", "said"),
    [
        (
            "autograder/checks/centre.py",
            '{"centred": module.Centre()(draw(3, 5))}',
            '{"centred": [*module.Centre()(draw(3, 5)).shape]}',
            "an answer of zeros passes the check rows_sum_to_zero",
        ),
        (
            "autograder/checks/centre.py",
            '{"centred": module.Centre()(draw(3, 5))}',
            '{"centred": module.Centre()((x := draw(3, 5)) - x.mean(1, keepdim=True))}',
            "giving back the input gets",
        ),
        (
            "solutions/variants/centre.toml",
            "Nothing was taken from the rows.",
            "Nothing was taken from a row.",
            "centre.mistakes.npz is stale; run 'autograder record'",
        ),
        (
            "assignments/centre.py",
            "# TODO centre: Take its own mean",
            "# TODO centre: Take the mean",
            "centre.py is stale; run 'autograder stubs'",
        ),
        (
            "solutions/variants/centre.toml",
            'put = "dim=0"',
            'put = "dim=-1"',
            "centre/over_columns (behaviour 1) costs nothing",
        ),
        (
            "solutions/variants/centre.toml",
            "x = x - x.sum(1, keepdim=True) / x.size(1)",
            "x = x - x.sum(1, keepdim=True)",
            "centre/sum_over_count (behaviour 1) is accepted, but loses points in centre",
        ),
        (
            "solutions/variants/centre.toml",
            'region = "x = x * 1"',
            'region = "x = x - x.mean(0)"',
            "is diagnosed as over_columns, not_centred: add a check or a clue",
        ),
        (
            "solutions/variants/centre.toml",
            'region = "x = x * 1"',
            'region = "x = x - x.mean(1, keepdim=True) * (1 + 2e-6)"',
            "above the tolerance of gradients_reach_the_table",
        ),
        (
            "assignments/centre.ko.md",
            "# Centring",
            "# Centring with `self.middle`",
            "centre.ko.md speaks of self.middle, which the solution does not have",
        ),
        (
            "assignments/centre.py",
            'raise NotImplementedError("TODO centre: Take its own mean from each row")',
            "x = x - x.mean(dim=1, keepdim=True)",
            "the untouched stub gets 2 in centre",
        ),
    ],
)
def test_what_is_broken_is_found(
    run: Run, course: Path, name: str, find: str, put: str, said: str
) -> None:
    change(course, name, find, put)
    done = doctor(run, course, "--no-mutants")
    assert done.returncode == 1
    assert said in done.stdout
    assert "all proofs hold" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_mutant_that_no_check_sees_is_found(run: Run, course: Path) -> None:
    path = course / "solutions" / "variants" / "equivalent.toml"
    path.write_text(path.read_text("utf-8").replace('mutant = "', 'mutant = "no such ', 1), "utf-8")
    done = doctor(run, course)
    assert done.returncode == 1
    assert " survives: " in done.stdout
    assert "which is no mutant any more" in done.stdout


def test_an_assignment_that_is_not_there_is_a_usage_error(run: Run) -> None:
    done = run("doctor", "lsmt", cwd=REPOSITORY)
    assert done.returncode == 2
    assert "there is no assignment lsmt" in done.stderr


def test_a_folder_that_is_not_there_is_told_before_the_work(run: Run, tmp_path: Path) -> None:
    done = run("doctor", "--matrix", tmp_path / "no" / "matrix.csv", cwd=REPOSITORY)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no folder" in done.stderr
