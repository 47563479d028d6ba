"""`autograder check` from outside: a student's folder with stubs and recordings, and no solution."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from rich.cells import cell_len

from autograder.errors import CourseError
from autograder.record import load
from tests.conftest import ASSIGNMENTS, REPOSITORY, SUBMISSIONS, fill

Run = Callable[..., subprocess.CompletedProcess[str]]

POINTS = {"aae": 7, "attention": 8, "lstm": 6, "vit": 10}
# What a terminal obeys, or reads from right to left; line ends and tabs are none of it.
HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b[31mred\x1b[0m\x1b]0;title\x07 [bold]loud[/bold] \x9b1A\r \u202egnp\u2066\u200f"


def copy_handout(folder: Path) -> None:
    """A copy of assignments/, in a folder around which there are no solutions."""
    shutil.copytree(REPOSITORY / "assignments", folder, ignore=lambda *_: ["__pycache__"])
    assert not any((parent / "solutions").exists() for parent in folder.parents)


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    folder = tmp_path / "week 5"
    copy_handout(folder)
    return folder


def solve(folder: Path, *names: str) -> None:
    for name in names:
        shutil.copy(REPOSITORY / "solutions" / f"{name}.py", folder)


def wrong_sdpa(folder: Path) -> None:
    """A right MHA on an SDPA that does not scale."""
    source = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
    unscaled = source.replace(" / math.sqrt(Q.size(-1))", "")
    assert unscaled != source
    (folder / "attention.py").write_text(unscaled, "utf-8")


def points(process: subprocess.CompletedProcess[str]) -> dict[str, tuple[float, float]]:
    """(score, out of) of each assignment and each TODO in the output."""
    found = re.findall(r"^(?:  . )?(\w+)  ([\d.]+) of ([\d.]+)\b", process.stdout, re.M)
    return {name: (float(score), float(most)) for name, score, most in found}


def headers(process: subprocess.CompletedProcess[str]) -> list[tuple[str, float, float, str]]:
    """(assignment, score, out of, file) of each result, in order."""
    found = re.findall(r"^(\w+)  ([\d.]+) of ([\d.]+) points\s+\((.*)\)\s*$", process.stdout, re.M)
    return [(name, float(score), float(most), file) for name, score, most, file in found]


def text(process: subprocess.CompletedProcess[str]) -> str:
    """The output without its line breaks."""
    return " ".join(process.stdout.split())


def assert_clean(process: subprocess.CompletedProcess[str], columns: int = 80) -> None:
    """Within the terminal's width, and nothing of the grader's inside shows."""
    assert process.stderr == ""
    assert "Traceback" not in process.stdout
    assert str(Path(sys.prefix)) not in process.stdout
    assert "/autograder/" not in process.stdout
    assert not HARMFUL.search(process.stdout)
    assert not re.search(r" +$", process.stdout, re.M)
    too_wide = [line for line in process.stdout.splitlines() if cell_len(line) > columns]
    assert too_wide == []


def assert_refuses(process: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 2, nothing but one sentence, and these words in it."""
    assert process.returncode == 2, process.stderr
    assert process.stdout == ""
    assert re.fullmatch(r"autograder: [^\n]+\.\n", process.stderr), process.stderr
    for word in words:
        assert word in process.stderr


# ---------------------------------------------------------------- the endless one

ENDLESS = SUBMISSIONS / "woo_sangmin" / "attention.py"


@pytest.fixture(scope="module", autouse=True)
def endless() -> Iterator[subprocess.Popen[str]]:
    """It waits for many limits of seconds, so it starts first, and is looked at last."""
    with subprocess.Popen(
        [Path(sys.executable).with_name("autograder"), "check", ENDLESS],
        cwd="/",
        env={"COLUMNS": "80", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        yield process
        process.kill()


# ---------------------------------------------------------------- untouched, solved, wrong


def test_untouched_stubs_are_not_attempted(run: Run, handout: Path) -> None:
    process = run("check", cwd=handout, COLUMNS="80")
    assert process.returncode == 1
    assert_clean(process)
    assert [name for name, *_ in headers(process)] == sorted(ASSIGNMENTS)
    assert all(score == 0 for score, _ in points(process).values())
    lines = process.stdout.splitlines()
    todos = [line for line in lines if line.startswith("  ")]
    assert len(todos) == 14
    assert all(line.endswith("  not attempted") for line in todos)


@pytest.fixture(scope="module")
def solved(run: Run, tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A folder with all of it solved, and a notebook with two, from another folder than these."""
    folder = tmp_path_factory.mktemp("solved")
    copy_handout(folder / "work")
    solve(folder / "work", *ASSIGNMENTS)
    shutil.copy(SUBMISSIONS / "seo_yuna.ipynb", folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return run("check", "../work", "../seo_yuna.ipynb", cwd=elsewhere, COLUMNS="80")


def test_a_solved_folder_gets_all_points_without_any_solution(
    solved: subprocess.CompletedProcess[str],
) -> None:
    assert solved.returncode == 0
    assert_clean(solved)
    assert headers(solved)[:4] == [
        (name, most, most, f"../work/{name}.py") for name, most in POINTS.items()
    ]
    assert all(score == most for score, most in points(solved).values())


def test_a_notebook_is_checked_by_its_definitions(
    solved: subprocess.CompletedProcess[str],
) -> None:
    assert headers(solved)[4:] == [
        ("attention", 8, 8, "../seo_yuna.ipynb"),
        ("lstm", 6, 6, "../seo_yuna.ipynb"),
    ]
    assert "seo_yuna.ipynb is graded as attention, by its classes." in text(solved)


def test_it_is_the_recording_that_judges(run: Run, handout: Path) -> None:
    """One number in it changed, and the right answer is wrong: nothing else was asked."""
    solve(handout, "lstm", "attention")
    path = handout / "lstm.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    arrays = safetensors.numpy.load_file(path)
    entries = json.loads(metadata["entries"])  # what stands in for another TODO is not asked for
    changed = next(
        key
        for key, array in sorted(arrays.items())
        if array.dtype == np.float64 and not entries[int(key.partition("/")[0])]["apart"]
    )
    arrays[changed] = arrays[changed] + 1.0
    path.write_bytes(safetensors.numpy.save(arrays, metadata))
    process = run("check", "attention.py", "lstm.py", cwd=handout, COLUMNS="80")
    assert process.returncode == 1
    assert_clean(process)
    assert points(process)["attention"] == (8, 8)
    assert 0 < points(process)["lstm"][0] < 6


@pytest.fixture(scope="module")
def partly_right(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """An SDPA that does not scale, an LSTM with a shape too long, and one layer of seven."""
    folder = tmp_path_factory.mktemp("partly_right") / "work"
    copy_handout(folder)
    wrong_sdpa(folder)
    source = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")
    one_more = source.replace("logits = self.lin(last)", "logits = self.lin(last).unsqueeze(0)")
    assert one_more != source
    (folder / "lstm.py").write_text(one_more, "utf-8")
    stub = (folder / "aae.py").read_text("utf-8")
    (folder / "aae.py").write_text(fill(stub, todo2="nn.ReLU(),"), "utf-8")
    return run("check", "attention.py", "lstm.py", "aae.py", cwd=folder, COLUMNS="80")


def test_what_is_wrong_is_said_in_numbers_and_in_the_names_of_axes(
    partly_right: subprocess.CompletedProcess[str],
) -> None:
    assert partly_right.returncode == 1
    assert_clean(partly_right)
    number = r"-?\d[\d.e-]*"
    value = rf"out\[batch=\d+, query=\d+, feature=\d+\] is {number}; expected {number}\."
    assert re.search(value, text(partly_right))
    shape = r"logits has shape \(1, (\d+), (\d+)\); expected \(batch, class\) = \(\1, \2\)\."
    assert re.search(shape, text(partly_right))


def test_what_builds_on_a_mistake_keeps_its_points_and_says_why(
    partly_right: subprocess.CompletedProcess[str],
) -> None:
    assert points(partly_right)["sdpa"] == (0, 4)
    assert points(partly_right)["mha"] == (4, 4)
    assert "Judged apart from sdpa, so that it costs nothing here." in text(partly_right)


def test_one_todo_done_is_its_points(partly_right: subprocess.CompletedProcess[str]) -> None:
    assert points(partly_right)["aae"] == (1, 7)
    assert points(partly_right)["todo2"] == (1, 1)
    for untouched in ("todo1", "todo3", "todo4", "todo5", "todo6", "todo7"):
        assert f"{untouched}  0 of 1  not attempted" in partly_right.stdout


# ---------------------------------------------------------------- what is checked


def test_a_path_that_does_not_exist_is_named(run: Run, handout: Path) -> None:
    process = run("check", "lstm.py", "lstn.py", cwd=handout)
    assert_refuses(process, "lstn.py does not exist; give the file that you work in.")


def test_a_file_that_is_no_code_is_refused(run: Run, handout: Path) -> None:
    process = run("check", "lstm.safetensors", cwd=handout)
    assert_refuses(process, "lstm.safetensors is neither a .py nor an .ipynb; give the file")


def test_a_folder_with_nothing_to_check_says_where_to_go(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("My notes.")
    process = run("check", cwd=tmp_path)
    assert_refuses(process, "no assignment was found in the current folder", "lstm.py", "go to")


# ---------------------------------------------------------------- recordings


def test_one_file_needs_only_its_own_recording(run: Run, handout: Path) -> None:
    solve(handout, "lstm")
    damaged = handout / "attention.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    process = run("check", "lstm.py", cwd=handout, COLUMNS="80")
    assert process.returncode == 0
    assert_clean(process)
    assert headers(process) == [("lstm", 6, 6, "lstm.py")]


def test_a_damaged_recording_is_named_and_replaceable(run: Run, handout: Path) -> None:
    damaged = handout / "attention.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    process = run("check", "attention.py", cwd=handout)
    assert_refuses(process, "attention.safetensors is damaged", "take it from the hand-out again")
    assert "record'" not in process.stderr  # it needs the solutions, which no student has


def test_a_missing_recording_is_called_missing(tmp_path: Path) -> None:
    """A student may have copied the code only."""
    checks = REPOSITORY / "autograder" / "checks" / "lstm.py"
    with pytest.raises(CourseError, match=r"/lstm\.safetensors is missing; .*hand-out"):
        load(tmp_path / "lstm.safetensors", checks)


def test_a_recording_of_other_checks_is_not_judged_by(run: Run, handout: Path) -> None:
    path = handout / "lstm.safetensors"
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    about = json.loads(metadata["about"])
    assert about["seed"] == 0
    metadata["about"] = json.dumps({**about, "checks": about["checks"][::-1]})
    path.write_bytes(safetensors.numpy.save(safetensors.numpy.load_file(path), metadata))
    process = run("check", "lstm.py", cwd=handout)
    assert_refuses(
        process, "lstm.safetensors was recorded with other checks", "from the same hand-out"
    )
    assert "record'" not in process.stderr


# ---------------------------------------------------------------- the whole class


def class_files() -> list[tuple[str, Path]]:
    """(submission, file) of everybody who handed in an attention or an lstm file that is no zip."""
    names = ("attention.py", "lstm.py", "my_hw.py")
    folders = [d for d in sorted(SUBMISSIONS.iterdir()) if d.is_dir()]
    inside = [(d.name, d / name) for d in folders for name in names if (d / name).exists()]
    single = [SUBMISSIONS / f for f in ("choi_yejun.py", "han_jiho.py", "seo_yuna.ipynb")]
    found = [*inside, *((path.stem, path) for path in single)]
    return [(name, path) for name, path in found if path != ENDLESS]


@pytest.fixture(scope="module")
def everybody(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """All of these files, and one with hostile text, in one command."""
    source = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")
    evil = source.replace("last = out[:, -1]", f"raise ValueError({EVIL!r})")
    folder = tmp_path_factory.mktemp("evil")
    (folder / "lstm.py").write_text(evil + f"\nprint({EVIL!r})\nprint('가' * 300)\n", "utf-8")
    files = [path.relative_to(SUBMISSIONS) for _, path in class_files()]
    return run("check", *files, folder / "lstm.py", cwd=SUBMISSIONS, COLUMNS="80")


def test_no_submission_breaks_the_command(everybody: subprocess.CompletedProcess[str]) -> None:
    """Syntax errors, exits, a segmentation fault, binary data, an empty file, 30,000 lines."""
    assert everybody.returncode == 1
    assert_clean(everybody)
    assert len(class_files()) >= 25


def test_everybody_gets_what_the_class_should_get(
    everybody: subprocess.CompletedProcess[str],
) -> None:
    """The recordings judge as the reference does."""
    expected = tomllib.loads((SUBMISSIONS.parent / "class_expected.toml").read_text("utf-8"))
    wanted = []
    for name, path in class_files():
        for assignment in ("attention", "lstm"):
            file_of_it = path.stem in (assignment, "my_hw") or path.parent == SUBMISSIONS
            if file_of_it and assignment in expected[name]:
                marks = set(expected[name][assignment].values())
                verdict = marks.pop() if len(marks) == 1 else "some"
                wanted.append((assignment, verdict, str(path.relative_to(SUBMISSIONS))))
    found = [
        (name, "full" if score == most else "some" if score else "none", file)
        for name, score, most, file in headers(everybody)
    ]
    assert found[:-1] == wanted


def test_a_students_text_does_nothing_to_the_terminal(
    everybody: subprocess.CompletedProcess[str],
) -> None:
    assert not HARMFUL.search(everybody.stdout)
    assert everybody.stdout.count("[bold]loud[/bold]") == 3  # the message, its line, the output
    assert "Your code printed:" in everybody.stdout


def test_a_terminal_without_unicode_is_no_reason_to_fail(run: Run, handout: Path) -> None:
    """A Korean Windows writes CP949 into a pipe, and CP949 has no ✓."""
    wrong_sdpa(handout)
    process = run("check", "attention.py", cwd=handout, PYTHONIOENCODING="ascii")
    assert process.returncode == 1
    assert process.stderr == ""
    assert points(process)["sdpa"] == (0, 4)


def test_an_endless_loop_ends_in_timeouts(endless: subprocess.Popen[str]) -> None:
    output, errors = endless.communicate(timeout=120)
    process = subprocess.CompletedProcess([], endless.returncode, output, errors)
    assert process.returncode == 1
    assert_clean(process)
    assert re.search(r"sdpa  0 of 4  timeout$", process.stdout, re.M)
    assert points(process)["mha"] == (4, 4)
    assert "it took longer than 10 s" in text(process)
