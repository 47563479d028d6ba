"""`autograder check --plot`: pictures of what was expected and what came."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from autograder.examine import Examination
from autograder.own import recording
from autograder.plot import Row, _slice, rows
from autograder.pool import Job
from autograder.record import PUBLIC_SEED
from tests.conftest import REPOSITORY, Grader

Run = Callable[..., CompletedProcess[str]]
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    folder = tmp_path / "week 5"
    folder.mkdir()
    for path in (REPOSITORY / "assignments").glob("attention.*"):
        shutil.copy(path, folder)
    wrong(folder)
    return folder


def wrong(folder: Path) -> None:
    source = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
    unscaled = source.replace(" / math.sqrt(Q.size(-1))", "")
    (folder / "attention.py").write_text(unscaled, "utf-8")


def drawn(grader: Grader, name: str, source: str) -> list[Row]:
    """What is drawn of a source."""
    result = grader.grade(name, source, seed=PUBLIC_SEED)
    reference, _ = recording(grader.course, name)
    job = Job(name, f"{name}.py", {f"{name}.py": source.encode()})
    with Examination(grader.warm, job, PUBLIC_SEED) as examination:
        return list(rows(grader.assignments[name], reference, result, examination.observe))


def test_a_picture_lies_beside_the_work_and_its_path_is_said(run: Run, handout: Path) -> None:
    process = run("check", "--plot", "week 5/attention.py", "--lang", "ko", cwd=handout.parent)
    assert process.returncode == 1
    assert process.stderr == ""
    assert "attention  8점 중 4점" in process.stdout
    assert process.stdout.endswith("그림 파일: week 5/autograder-attention.png.\n")
    assert (handout / "autograder-attention.png").read_bytes().startswith(PNG)


def test_what_is_wrong_is_drawn_as_a_map_of_attention_where_there_is_one(grader: Grader) -> None:
    source = grader.solution("attention").replace(" / math.sqrt(Q.size(-1))", "")
    (row,) = drawn(grader, "attention", source)
    assert (row.todo.id, row.name, row.axes) == ("sdpa", "attention", ("batch", "query", "key"))
    assert row.received is not None
    assert np.abs(row.received - row.expected).max() > 0.1
    assert row.received.shape == row.expected.shape


def test_what_builds_on_a_mistake_is_drawn_apart_from_it(grader: Grader) -> None:
    source = grader.solution("attention").replace(" / math.sqrt(Q.size(-1))", "")
    source = source.replace("self.W_O(", "2 * self.W_O(")
    _sdpa, mha = drawn(grader, "attention", source)
    assert (mha.todo.id, mha.name) == ("mha", "out")
    assert mha.received is not None
    assert mha.received == pytest.approx(2 * mha.expected)


def test_of_a_right_answer_every_todo_is_drawn(grader: Grader) -> None:
    found = drawn(grader, "aae", grader.solution("aae"))
    assert [row.todo.id for row in found] == [f"todo{n}" for n in range(1, 8)]
    assert all(row.received is not None and not row.differs for row in found)
    assert found[3].name == "img"


def test_what_did_not_come_is_drawn_as_expected_only(grader: Grader) -> None:
    found = drawn(grader, "lstm", grader.stub("lstm"))
    assert [row.todo.id for row in found] == ["h0_c0", "last_step"]
    assert all(row.received is None for row in found)


def test_where_no_tensor_shows_it_there_is_no_picture(run: Run, tmp_path: Path) -> None:
    for path in (REPOSITORY / "assignments").glob("aae.*"):
        shutil.copy(path, tmp_path)
    source = (REPOSITORY / "solutions" / "aae.py").read_text("utf-8")
    without_noise = source.replace("mu + std * torch.randn_like(std)", "mu + std")
    assert without_noise != source
    (tmp_path / "aae.py").write_text(without_noise, "utf-8")
    process = run("check", "--plot", cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert "given" in process.stdout
    assert "picture" not in process.stdout
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize(
    ("shape", "axes", "index", "kept"),
    [
        ((3, 4, 6), "batch query key", (2, slice(None), slice(None)), "query key"),
        ((5, 1, 8, 9), "batch channel height width", (4, *[slice(None)] * 3), "height width"),
        ((2, 7), "batch class", (1, slice(None)), "class"),
        ((6, 7), "output input", (slice(None), slice(None)), "output input"),
        ((12, 1), "batch 1", (slice(None), slice(None)), "batch"),
    ],
)
def test_the_part_that_is_most_off_is_drawn(
    shape: tuple[int, ...], axes: str, index: tuple[int | slice, ...], kept: str
) -> None:
    error = np.zeros(shape)
    error.flat[-1] = 1
    assert _slice(error, tuple(axes.split()), error) == (index, tuple(kept.split()))


def test_without_matplotlib_it_says_what_to_install(run: Run, handout: Path) -> None:
    (handout / "sitecustomize.py").write_text("import sys\nsys.modules['matplotlib'] = None\n")
    process = run("check", "--plot", cwd=handout, PYTHONPATH=str(handout))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.endswith("not installed; run: pip install matplotlib.\n")
    assert process.stderr.count("\n") == 1


def test_to_stay_and_to_draw_once_exclude_each_other(run: Run, handout: Path) -> None:
    process = run("check", "--plot", "--watch", cwd=handout)
    assert (process.returncode, process.stdout) == (2, "")
    assert "leave out one of them" in process.stderr
