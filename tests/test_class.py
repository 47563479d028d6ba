"""A class of forty: tests/submissions/ graded as a TA does, every mark held against the expected one."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from autograder import results
from tests.conftest import REPOSITORY, SUBMISSIONS

Run = Callable[..., CompletedProcess[str]]
Lines = dict[tuple[str, str | None], dict[str, Any]]

EXPECTED: dict[str, dict[str, dict[str, str | float]]] = tomllib.loads(
    (REPOSITORY / "tests" / "class_expected.toml").read_text("utf-8")
)
GRADED = [(name, assignment) for name, them in EXPECTED.items() for assignment in them]


def grade(run: Run, folder: Path, *more: str) -> tuple[CompletedProcess[str], Lines]:
    """Grade the class; the lines of results.jsonl by submission and assignment."""
    command = ("grade", SUBMISSIONS, "-o", "out", "--seed", "7", "--timeout", "5", *more)
    done = run(*command, cwd=folder)
    text = (folder / "out" / "results.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    found = {(line["submission"], line["assignment"]): line for line in lines}
    assert len(found) == len(lines), "two lines of results.jsonl are of one submission's assignment"
    return done, found


@pytest.fixture(scope="module")
def graded(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CompletedProcess[str], Lines]:
    return grade(run, tmp_path_factory.mktemp("class"))


@pytest.fixture(scope="module")
def lines(graded: tuple[CompletedProcess[str], Lines]) -> Lines:
    return graded[1]


def mark(todo: dict[str, Any]) -> str | float:
    """A TODO's score in the words of class_expected.toml."""
    score: float = todo["score"]
    return {todo["max_score"]: "full", 0: "none"}.get(score, score)


def test_every_submission_has_an_expectation() -> None:
    stems = {
        path.stem if path.suffix in (".py", ".ipynb", ".zip") else path.name
        for path in SUBMISSIONS.iterdir()
        if path.name != "__pycache__"
    }
    assert stems == EXPECTED.keys()


def test_the_command_succeeds_whatever_the_marks(
    graded: tuple[CompletedProcess[str], Lines],
) -> None:
    done, lines = graded
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"{len(EXPECTED)} submissions" in done.stdout
    assert not [line for line in lines.values() if "grader_error" in line]
    assert {line["seed"] for line in lines.values()} == {7}


def test_exactly_what_was_handed_in_is_graded(lines: Lines) -> None:
    nothing = [(name, None) for name, them in EXPECTED.items() if not them]
    assert sorted(lines, key=str) == sorted([*GRADED, *nothing], key=str)
    assert all(not lines[key]["todos"] and lines[key]["max_score"] == 0 for key in nothing)


@pytest.mark.parametrize(("name", "assignment"), GRADED, ids=["-".join(pair) for pair in GRADED])
def test_a_submission_gets_the_marks_that_it_deserves(
    lines: Lines, name: str, assignment: str
) -> None:
    line = lines[name, assignment]
    got = {todo["id"]: mark(todo) for todo in line["todos"]}
    assert got == EXPECTED[name][assignment], line
    for todo in line["todos"]:
        passed = todo["verdict"] == results.PASSED
        assert passed == (mark(todo) == "full")
        assert passed == all(check["passed"] for check in todo["checks"])
        assert passed or all(check["message"] for check in todo["checks"] if not check["passed"])
    assert line["score"] == sum(todo["score"] for todo in line["todos"])
    assert line["max_score"] == sum(todo["max_score"] for todo in line["todos"])


def test_nobody_in_it_is_said_to_have_tried_anything(
    graded: tuple[CompletedProcess[str], Lines],
) -> None:
    done, lines = graded
    noticed = [(key, line["attempts"], line["shortcuts"]) for key, line in lines.items()]
    assert [one for one in noticed if one[1] or one[2]] == []
    assert "what no answer needs" not in done.stdout


VERDICTS = {
    ("go_eunseo", "vit", "body"): results.NOT_ATTEMPTED,
    ("jeon_haneul", "attention", "mha"): results.NOT_ATTEMPTED,
    ("nam_gyuri", "vit", "encoder_block"): results.NOT_ATTEMPTED,
    ("son_yejin", "aae", "todo5"): results.NOT_ATTEMPTED,
    ("song_hyunwoo", "attention", "sdpa"): results.FAILED,
    ("bae_sumin", "lstm", "h0_c0"): results.ERROR,
    ("heo_jun", "attention", "sdpa"): results.ERROR,
    ("ku_bonhyuk", "lstm", "last_step"): results.ERROR,
    ("do_yoonseo", "attention", "mha"): results.ERROR,
    ("pyo_jihoon", "attention", "mha"): results.ERROR,
    ("woo_sangmin", "attention", "sdpa"): results.TIMEOUT,
    ("cha_eunwoo", "attention", "mha"): results.CRASHED,
}


@pytest.mark.parametrize(
    ("name", "assignment", "id"), VERDICTS, ids=["-".join(key) for key in VERDICTS]
)
def test_what_went_wrong_is_called_by_its_name(
    lines: Lines, name: str, assignment: str, id: str
) -> None:
    verdicts = {todo["id"]: todo["verdict"] for todo in lines[name, assignment]["todos"]}
    assert verdicts[id] == VERDICTS[name, assignment, id]


CARRIED = {
    ("song_hyunwoo", "attention", "mha"): ["sdpa"],
    ("cho_minseok", "attention", "mha"): ["sdpa"],
    ("kwon_nayeon", "vit", "body"): ["encoder_block"],
    ("yang_junseo", "vit", "body"): ["cls_token"],
    ("nam_gyuri", "vit", "body"): ["encoder_block"],
    ("bae_sumin", "lstm", "last_step"): ["h0_c0"],
    ("ryu_siwoo", "aae", "todo3"): ["todo2"],
    ("kim_minjun", "vit", "body"): [],
    ("woo_sangmin", "attention", "mha"): [],  # it computes its attention itself
}


@pytest.mark.parametrize(
    ("name", "assignment", "id"), CARRIED, ids=["-".join(key) for key in CARRIED]
)
def test_an_error_carried_forward_is_named(
    lines: Lines, name: str, assignment: str, id: str
) -> None:
    carried = {todo["id"]: todo["carried_from"] for todo in lines[name, assignment]["todos"]}
    assert carried[id] == CARRIED[name, assignment, id]


@pytest.mark.parametrize("name", ["kim_minjun", "seo_yuna"])
def test_an_honest_submission_gets_the_same_line_alone(
    run: Run, lines: Lines, tmp_path: Path, name: str
) -> None:
    done, alone = grade(run, tmp_path, "--only", name)
    assert done.returncode == 0, done.stderr
    in_class = {key: line for key, line in lines.items() if key[0] == name}
    assert alone.keys() == in_class.keys() == {(name, assignment) for assignment in EXPECTED[name]}
    for key, line in alone.items():
        assert {**line, "seconds": 0} == {**in_class[key], "seconds": 0}
