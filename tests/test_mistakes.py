"""Recorded mistakes: named as well as by the catalogue itself, without a line of a solution."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from autograder.errors import CourseError
from autograder.grade import grade_work
from autograder.mistakes import Recorded, load
from autograder.pool import Job
from autograder.record import PUBLIC_SEED
from autograder.stubs import regions
from autograder.submission import Work
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader, scores

LARGEST = 2_000_000  # bytes that a hand-out's recordings of one assignment may have
SHORT = 12  # characters: a shorter line ("x = x") says nothing


def recording(name: str) -> Path:
    return REPOSITORY / "assignments" / f"{name}.mistakes.npz"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_recording_names_the_same_mistakes_as_the_catalogue(grader: Grader, name: str) -> None:
    known = load(recording(name))
    assert isinstance(known, Recorded)
    reference = grader.reference(name, PUBLIC_SEED)
    named = 0
    for path in sorted((REPOSITORY / "tests" / "mistakes").glob(f"{name}-*-1.py"))[::3]:
        file = f"{name}.py"
        work = Work(name, file, Job(name, file, {file: path.read_bytes()}))
        assignment = grader.assignments[name]
        result = grade_work(
            grader.warm, "x", work, assignment, reference, PUBLIC_SEED, catalogue=known
        )
        live = grader.grade(name, path.read_bytes(), seed=PUBLIC_SEED, diagnose=True)
        assert not result.diagnosis_error
        assert [t.diagnosis for t in result.todos] == [t.diagnosis for t in live.todos], path.stem
        assert [t.feedback for t in result.todos] == [t.feedback for t in live.todos]
        assert scores(result) == scores(live)
        named += any(t.diagnosis for t in result.todos)
    assert named >= 5


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_recording_holds_no_line_of_a_solution_or_of_an_edit(name: str) -> None:
    with np.load(recording(name), allow_pickle=False) as file:
        text = file["about"].tobytes().decode()
        # What the student is told is meant to be read, and speaks of code.
        about = json.loads(text)
    for variant in about["variants"]:
        assert set(variant) == {"id", "todo", "accepted", "hint", "feedback", "number"}
    held = json.dumps([about["seen"], about["entries"]], ensure_ascii=False)
    source = (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")
    lines = source.splitlines()
    secret = {line for r in regions(source, name) for line in lines[r.start + 1 : r.end - 1]}
    catalogue = REPOSITORY / "solutions" / "variants" / f"{name}.toml"
    for variant in tomllib.loads(catalogue.read_text("utf-8"))["variant"]:
        for behaviour in variant["behaviour"]:
            secret |= set(behaviour.get("region", "").splitlines())
            for edit in behaviour.get("edits", ()):
                secret |= set(edit["put"].splitlines())
    told = {line.strip() for line in secret if len(line.strip()) > SHORT}
    assert len(told) > 10
    assert not [line for line in told if line in held]
    assert recording(name).stat().st_size < LARGEST


def test_without_a_recording_nothing_is_named(tmp_path: Path) -> None:
    assert load(tmp_path / "lstm.mistakes.npz") is None


def test_a_damaged_recording_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "lstm.mistakes.npz"
    path.write_bytes(recording("lstm").read_bytes()[:500])
    with pytest.raises(CourseError, match="is damaged"):
        load(path)
