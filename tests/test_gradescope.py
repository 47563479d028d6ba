"""The zip for Gradescope, unpacked into the container's layout and run there as the container does:
as root or not, from an environment with nothing in it, on one processor.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autograder.gradescope.__main__ import Metadata
from autograder.reports.gradescope import Lateness, results_json
from autograder.results import CheckResult, Result, TodoResult
from autograder.settings import CourseSettings, Late, Show
from tests.conftest import REPOSITORY, SUBMISSIONS
from tests.test_grade_command import strict_json

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the container is a Linux")
SCHEMA = json.loads((REPOSITORY / "tests" / "gradescope.schema.json").read_text("utf-8"))
METADATA = {
    "id": 1,
    "created_at": "2030-05-31T14:22:32.365935-07:00",
    "submission_method": "upload",
    "assignment": {
        "due_date": "2030-05-31T23:00:00.000000-07:00",
        "late_due_date": None,
        "release_date": "2030-05-01T00:00:00.000000-07:00",
        "group_size": 1,
        "group_submission": False,
        "id": 2,
        "course_id": 3,
        "title": "Week 5",
        "total_points": "31.0",
    },
    "users": [{"email": "student@example.com", "id": 4, "name": "한글"}],
    "previous_submissions": [],
}
LSTM = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")


@dataclass(frozen=True)
class Answer:
    """What came of one submission: results.json, and what instructors see."""

    results: dict[str, Any]
    printed: str

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        return {test["name"]: test for test in self.results["tests"]}


class Container:
    """The zip, unpacked as Gradescope does it. The environment of the tests is its Python."""

    def __init__(self, root: Path, archive: Path) -> None:
        self.root = root
        for folder in ("source", "submission", "results"):
            (root / folder).mkdir(parents=True)
        subprocess.run(["unzip", "-q", archive, "-d", root / "source"], check=True)
        (root / "venv").symlink_to(sys.prefix)

    def run(
        self,
        files: Mapping[str, str | bytes],
        *,
        metadata: Mapping[str, object] | None = METADATA,
        settings: str = "",
        prepare: Callable[[Path], object] | None = None,
        **environment: str,
    ) -> Answer:
        """Hand in files, run what the container runs, and read what it leaves."""
        for folder in ("submission", "results"):
            shutil.rmtree(self.root / folder)
            (self.root / folder).mkdir()
        for name, data in files.items():
            path = self.root / "submission" / name
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        where = self.root / "submission_metadata.json"
        where.unlink(missing_ok=True)
        if metadata is not None:
            where.write_text(json.dumps(metadata), "utf-8")
        (self.root / "source" / "course" / "course.toml").write_text(settings, "utf-8")
        if prepare:
            prepare(self.root)
        processors = ["taskset", "-c", "0"] if shutil.which("taskset") else []
        done = subprocess.run(
            [*processors, self.root / "source" / "run_autograder"],
            cwd=self.root,
            env={"PATH": "/usr/bin:/bin", "AUTOGRADER_ROOT": str(self.root), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [path.name for path in (self.root / "results").iterdir()] == ["results.json"]
        results = strict_json((self.root / "results" / "results.json").read_text("utf-8"))
        jsonschema.validate(results, SCHEMA)
        return Answer(results, done.stdout)


@pytest.fixture(scope="module")
def archive(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip")
    done = run("gradescope", "week5.zip", "--course", REPOSITORY, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "wrote week5.zip\n"), done.stderr
    return folder / "week5.zip"


@pytest.fixture(scope="module")
def container(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Container:
    return Container(tmp_path_factory.mktemp("container") / "autograder", archive)


def read(submission: str) -> dict[str, bytes]:
    files = (SUBMISSIONS / submission).iterdir()
    return {path.name: path.read_bytes() for path in files if path.is_file()}


# ---------------------------------------------------------------- the zip


def test_the_zip_has_at_its_root_what_gradescope_runs(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        modes = {member.filename: member.external_attr >> 16 for member in opened.infolist()}
        requirements = opened.read("requirements.txt").decode()
    for name in ("setup.sh", "run_autograder"):
        assert modes[name] & 0o111, "it can be executed"
    [wheel] = [name for name in modes if name.endswith(".whl")]
    assert f"./{wheel}\n" in requirements
    assert "whl/cpu" in requirements
    assert {"course/solutions/lstm.py", "course/solutions/variants/lstm.toml"} <= modes.keys()
    assert "course/assignments/lstm.py" in modes
    assert not [name for name in modes if "__pycache__" in name or name.endswith("__main__.py")]


# ---------------------------------------------------------------- submissions


def test_right_and_wrong_answers_get_their_points_and_reasons(container: Container) -> None:
    files = read("kim_minjun") | read("song_hyunwoo")  # all right, but sdpa is not scaled
    answer = container.run(files)
    assert answer.results["score"] == 7 + 4 + 6 + 10
    points = {name: (t["score"], t["max_score"]) for name, t in answer.tests.items()}
    assert points["attention: sdpa"] == (0, 4)
    assert points["attention: mha"] == (4, 4)
    assert sum(score for score, _ in points.values()) == answer.results["score"]
    assert sum(most for _, most in points.values()) == 31
    said = answer.tests["attention: sdpa"]["output"]
    assert said.startswith("✗ failed\n\nYour scores enter the softmax without the division")
    assert "```text\nout[batch=" in said
    assert {test["visibility"] for test in answer.results["tests"]} == {"visible"}
    assert answer.results["output"] == ""
    # What is for instructors is in what is printed, and nowhere else.
    lines = [json.loads(line) for line in answer.printed.splitlines()]
    assert [line["score"] for line in lines] == [7, 4, 6, 10]
    assert "digests" in lines[0]
    assert str(lines[0]["seed"]) not in json.dumps(answer.results)


def test_an_empty_submission_is_told_what_to_hand_in(container: Container) -> None:
    answer = container.run({})
    assert answer.results["score"] == 0
    assert answer.results["tests"] == []
    assert "Nothing to grade was found: hand in aae.py, " in answer.results["output"]


def test_what_ends_badly_is_failed_and_leaves_the_rest_its_points(container: Container) -> None:
    """One kills itself, one never ends, one takes more memory than the container has."""
    answer = container.run(
        {
            "aae.py": read("kim_minjun")["aae.py"],
            "attention.py": "while True: pass\n",
            "lstm.py": f"import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n{LSTM}",
            "vit.py": "held = [bytearray(2**20) for _ in range(600)]\n",
        }
    )
    assert answer.results["score"] == 7
    ends = {name: test["output"].partition("\n")[0] for name, test in answer.tests.items()}
    assert ends["attention: sdpa"] == "✗ timeout"
    assert ends["lstm: h0_c0"] == "✗ crashed"
    assert ends["vit: body"] == "✗ out of memory"
    assert sum(test["max_score"] for test in answer.results["tests"]) == 31
    assert "grader itself" not in json.dumps(answer.results)


# ---------------------------------------------------------------- whatever happens


def test_a_grader_that_breaks_says_that_it_did(container: Container) -> None:
    def damage(root: Path) -> None:
        (root / "source" / "course" / "solutions" / "lstm.py").rename(root / "kept.py")

    answer = container.run({"lstm.py": LSTM}, prepare=damage)
    (container.root / "kept.py").rename(container.root / "source/course/solutions/lstm.py")
    assert "The grader itself could not finish." in answer.results["output"]
    assert "채점기가" in answer.results["output"]
    assert answer.results["tests"] == []
    assert "lstm.py is missing" in answer.printed
    assert "ended with status 1" in answer.printed


def test_a_grader_that_is_killed_leaves_a_valid_answer(container: Container) -> None:
    answer = container.run({"lstm.py": "while True: pass\n"}, AUTOGRADER_SECONDS="5")
    assert "The grader itself could not finish." in answer.results["output"]
    assert "124: after 5 seconds" in answer.printed


def test_a_missing_python_leaves_a_valid_answer(container: Container) -> None:
    def remove(root: Path) -> None:
        (root / "venv").unlink()

    answer = container.run({"lstm.py": LSTM}, prepare=remove)
    (container.root / "venv").symlink_to(sys.prefix)
    assert "The grader itself could not finish." in answer.results["output"]


# ---------------------------------------------------------------- what the course sets


LATE = {**METADATA, "created_at": "2030-06-02T10:00:00.000000-07:00"}


def test_lateness_comes_from_the_metadata(container: Container) -> None:
    policy = "late = { per_day = 10, at_most = 50, grace_minutes = 15 }\n"
    answer = container.run({"lstm.py": LSTM}, metadata=LATE, settings=policy)
    assert answer.results["score"] == pytest.approx(6 * 0.8)  # the second day has begun
    assert [test["score"] for test in answer.results["tests"]] == [3, 3]
    assert answer.results["output"] == (
        "lstm came after 2030-05-31 23:00-07:00: 20 % of its points are taken off."
    )


def test_the_courses_own_deadline_goes_before_gradescopes(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text(json.dumps(LATE))
    metadata = Metadata.read(tmp_path / "metadata.json")
    deadlines = {"lstm": datetime(2030, 6, 3, tzinfo=UTC), "vit": datetime(2030, 6, 2, tzinfo=UTC)}
    settings = CourseSettings(late=Late(per_day=10), deadlines=deadlines)
    assert metadata.lateness(settings, "lstm") is None
    assert metadata.lateness(settings, "vit") == Lateness(10, deadlines["vit"])
    other = metadata.lateness(settings, "aae")
    assert other is not None
    assert (other.percent, other.due.isoformat()) == (20, "2030-05-31T23:00:00-07:00")


@pytest.mark.parametrize(
    "text",
    [
        *(None, "", "{", "[]", "\x00", '{"created_at": 5}', '{"created_at": "soon"}'),
        json.dumps({**METADATA, "created_at": "2030-06-02T10:00:00"}),
        json.dumps({**METADATA, "assignment": None}),
    ],
)
def test_metadata_that_makes_no_sense_costs_nothing(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "metadata.json").write_text(text)
    assert Metadata.read(tmp_path / "metadata.json") == Metadata()
    assert "nothing counts as late" in capsys.readouterr().out


def test_visibility_leaderboard_and_evidence_are_the_courses_choice(container: Container) -> None:
    settings = """
    show.printed = false
    show.hidden = ["lstm.last_step"]
    show.after_due_date = ["lstm.h0_c0.states_keep_the_dtype"]
    gradescope = { leaderboard = true, evidence = true }
    """
    wrong = LSTM.replace("x.new_zeros", "torch.zeros").replace(
        "last = out[:, -1]", "last = out[:, 0]"
    )
    answer = container.run({"lstm.py": f"print('printed')\n{wrong}"}, settings=settings)
    visible = {name: test["visibility"] for name, test in answer.tests.items()}
    assert visible == {
        "lstm: h0_c0": "visible",
        "lstm: h0_c0: states_keep_the_dtype": "after_due_date",
        "lstm: last_step": "hidden",
        "Evidence, for instructors only": "hidden",
    }
    score = answer.results["score"]
    assert answer.results["leaderboard"] == [{"name": "points", "value": score, "order": "desc"}]
    [line] = answer.tests["Evidence, for instructors only"]["extra_data"]["results"]
    assert line["todos"][1]["diagnosis"] == ["first_step"]
    assert "printed" not in answer.results["output"]


# ---------------------------------------------------------------- the renderer


def result(**fields: Any) -> Result:
    checks = (
        CheckResult("one", "Title <one>", False, "out is 1; ``` expected *2*"),
        CheckResult("two", "Title two", True),
    )
    todo = TodoResult("sdpa", 1.0, 4.0, "failed", checks, feedback=("Scale by $x$.",))
    values = {"todos": (todo,), "score": 1.0, "max_score": 4.0, "seed": 1, **fields}
    return Result(submission="kim", assignment="attention", **values)


def test_a_students_text_cannot_leave_its_block() -> None:
    answer = results_json([result(output="\x1b[31m```\n# head")], CourseSettings())
    jsonschema.validate(answer, SCHEMA)
    assert "````text\n�[31m```\n# head\n````" in answer["output"]
    [test] = answer["tests"]
    assert "Title \\<one\\>" in test["output"]
    assert "````text\nout is 1; ``` expected *2*\n````" in test["output"]


def test_a_hint_can_be_all_that_is_shown() -> None:
    hinted = result()
    todo = TodoResult(**{**vars(hinted.todos[0]), "hints": ("Compare the scores.",)})
    show = Show(diagnosis="hint")
    [test] = results_json([result(todos=(todo,))], CourseSettings(show=show))["tests"]
    assert "Compare the scores." in test["output"]
    assert "Scale by" not in test["output"]


# ---------------------------------------------------------------- the container as it is built


@pytest.mark.slow
def test_setup_builds_what_run_autograder_needs(archive: Path, tmp_path: Path) -> None:
    """setup.sh, with this Python, and one submission in what it built."""
    container = Container(tmp_path / "autograder", archive)
    (container.root / "venv").unlink()
    python = Path(sys.executable).resolve().parent
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        [container.root / "source" / "setup.sh"],
        cwd=container.root,
        env={
            "PATH": f"{python}:/usr/bin:/bin",
            "AUTOGRADER_ROOT": str(container.root),
            **pip,
            "PIP_RETRIES": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"torch-2\.\d+\.\d+(\+cpu)?", done.stdout)
    assert container.run({"lstm.py": LSTM}).results["score"] == 6
