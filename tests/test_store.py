"""A class that is graded again, or whose grader was killed: nothing lost, doubled or done twice.

The submissions here print something else each time, so that their results tell when they were graded.
"""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder import language, results
from autograder.course import Course
from autograder.errors import UsageError
from autograder.limits import DEFAULT
from autograder.origin import Origin
from autograder.pool import Job
from autograder.results import Result, TodoResult
from autograder.store import Store
from autograder.submission import Work
from tests.conftest import REPOSITORY, SUBMISSIONS
from tests.test_grade_command import assert_refuses, hand_in, strict_json, wait_until

Run = Callable[..., subprocess.CompletedProcess[str]]
LSTM = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")
ATTENTION = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
FIRST_STEP = LSTM.replace("last = out[:, -1]", "last = out[:, 0]")


class Class:
    """A class and a course of its own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.course = folder / "course"
        for part in ("solutions", "assignments", "autograder/checks"):
            shutil.copytree(REPOSITORY / part, self.course / part)
        self._printed: dict[tuple[str, str | None], str] = {}

    def hand_in(self, name: str, file: str, source: str) -> None:
        unique = "import secrets\nprint(secrets.token_hex(), flush=True)\n"
        hand_in(self.folder / "class" / name, {file: unique + source})

    def command(self, *more: str) -> list[str | Path]:
        return [
            "grade",
            "class",
            "--trust",
            "-o",
            "out",
            "--course",
            "course",
            "--jobs",
            "2",
            *more,
        ]

    def graded(self) -> list[str]:
        """Who was graded since this was last asked."""
        before = self._printed
        self._printed = {key: line["output"] for key, line in self.lines().items()}
        return sorted(
            name for (name, _), now in self._printed.items() if now and now not in before.values()
        )

    def lines(self) -> dict[tuple[str, str | None], dict[str, Any]]:
        """What results.jsonl holds: whole lines, in order, one for each of a submission's assignments."""
        text = (self.out / "results.jsonl").read_text("utf-8")
        assert text == "" or text.endswith("\n")
        lines = [strict_json(line) for line in text.removesuffix("\n").split("\n") if line]
        found = {(line["submission"], line["assignment"]): line for line in lines}
        assert len(found) == len(lines)
        return found


def edit(path: Path) -> None:
    """Another content, and the same meaning."""
    path.write_text(path.read_text("utf-8") + "\n# edited\n", "utf-8")


# ---------------------------------------------------------------- killed


def test_a_killed_grader_is_taken_up_where_it_was(run: Run, tmp_path: Path) -> None:
    one = Class(tmp_path)
    for name in ("fast_1", "fast_2"):
        one.hand_in(name, "lstm.py", LSTM)
    for name in ("slow_1", "slow_2"):
        one.hand_in(name, "lstm.py", "import time\ntime.sleep(5)\n" + FIRST_STEP)
    hand_in(tmp_path / "class" / "text_only", {"report.txt": "My report."})
    command = one.command("--expect", "attention", "--timeout", "60")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("autograder"), *command],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        fast = {(name, "lstm") for name in ("fast_1", "fast_2")}
        file = one.out / "results.jsonl"
        wait_until(lambda: file.is_file() and one.lines().keys() >= fast, "the fast ones are done")
        before = one.lines()
    finally:
        assert list(temporary.iterdir()), "the slow ones have their homes"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    wait_until(lambda: not list(temporary.iterdir()), "the homes of the killed grader are gone")
    assert one.lines() == before
    assert one.graded() == ["fast_1", "fast_2"]

    other = Store(one.out / "results.sqlite")
    assert_refuses(run(*command, cwd=tmp_path), "another autograder writes to out; wait")
    other.close()

    done = run(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "2 of 5 are as they were graded before; --fresh grades them again.\n"
    assert one.graded() == ["slow_1", "slow_2"]
    after = one.lines()
    assert [name for name, _ in after] == sorted(
        2 * ["fast_1", "fast_2", "slow_1", "slow_2"] + ["text_only"]
    )
    assert {key: after[key] for key in before} == before, "seconds included"
    assert len({line["seed"] for line in after.values()}) == 1
    marks = {name: line["score"] for (name, which), line in after.items() if which == "lstm"}
    assert marks == {"fast_1": 6, "fast_2": 6, "slow_1": 3, "slow_2": 3}
    assert [line["score"] for (_, which), line in after.items() if which == "attention"] == 5 * [0]
    assert len((one.out / "grades.csv").read_text("utf-8").splitlines()) == 6
    assert len(list((one.out / "feedback").iterdir())) == 5


# ---------------------------------------------------------------- changed


def test_only_what_depends_on_a_change_is_graded_again(run: Run, tmp_path: Path) -> None:
    one = Class(tmp_path)
    one.hand_in("ann", "lstm.py", LSTM)
    one.hand_in("ben", "lstm.py", LSTM)
    one.hand_in("cyd", "attention.py", ATTENTION)
    one.hand_in("dan", "lstm.py", "import os\nos.kill(os.getpid(), 9)\n")
    (tmp_path / "class" / "eve.zip").write_bytes(b"no zip")

    def grade(*more: str) -> list[str]:
        done = run(*one.command(*more), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "eve" in done.stdout
        names = one.graded()
        kept = {"ann", "ben", "cyd"} - set(names)
        word = "grades them again.\n"
        assert done.stderr.endswith(
            f"{len(kept)} of 5 are as they were graded before; --fresh {word}"
        ) or (not kept or "--only" in more)
        return names

    crashes = ["dan"]  # a machine out of memory kills like this: what ended so is never kept
    assert grade() == ["ann", "ben", "cyd", *crashes]
    first = one.lines()
    assert first["dan", "lstm"]["todos"][0]["verdict"] == results.CRASHED
    shutil.copytree(one.out, tmp_path / "first")

    one.hand_in("ben", "lstm.py", FIRST_STEP)
    edit(one.course / "solutions" / "variants" / "attention.toml")
    assert grade() == ["ben", "cyd", *crashes]
    assert one.lines()["ben", "lstm"]["todos"][1]["diagnosis"] == ["first_step"]
    assert one.lines()["ann", "lstm"] == first["ann", "lstm"], "seconds included"

    done = run("diff", "first", "out/results.jsonl", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["submission", "assignment", "TODO", "points", "verdict", "why"],
        [
            "ben",
            "lstm",
            "last_step",
            "3/3",
            "→",
            "0/3",
            "passed",
            "→",
            "failed",
            "the",
            "submission",
            "changed",
        ],
        [],
        ["The", "marks", "of", "1", "of", "5", "submissions", "changed."],
    ]

    edit(one.course / "autograder" / "checks" / "lstm.py")
    assert grade() == ["ann", "ben", *crashes]

    assert grade("--only", "cyd") == ["cyd"]
    assert one.lines().keys() == first.keys()

    seed = first["ann", "lstm"]["seed"]
    assert {line["seed"] for line in one.lines().values()} == {seed}
    assert grade("--seed", str(seed + 1)) == ["ann", "ben", "cyd", *crashes]
    assert {line["seed"] for line in one.lines().values()} == {seed + 1}


SOME = ("song_hyunwoo", "hong_gildong", "eom_taerim")  # named mistakes, and nothing to grade


def test_the_same_seed_gives_the_same_lines(run: Run, tmp_path: Path) -> None:
    """However many are graded at once; and --fresh takes nothing over, a broken store least of all."""
    for name in SOME:
        shutil.copytree(SUBMISSIONS / name, tmp_path / "class" / name)
    shutil.copy(SUBMISSIONS / "seo_yuna.ipynb", tmp_path / "class")
    runs = []
    for jobs in ("1", "2"):
        command = ("grade", "class", "-o", "out", "--seed", "3", "--fresh", "--jobs", jobs)
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        lines = (tmp_path / "out" / "results.jsonl").read_text("utf-8").splitlines()
        runs.append([json.dumps({**json.loads(line), "seconds": 0}) for line in lines])
        (tmp_path / "out" / "results.sqlite").write_bytes(b"broken" * 1000)
    assert len(runs[0]) == 5
    assert runs[0] == runs[1]
    line = json.loads(runs[0][-1])
    keys = [json.loads(line)["versions"].keys() for line in runs[0]]
    assert keys == 5 * [{"autograder", "torch", "python", "numpy"}]
    assert line["digests"].keys() >= {"submission", "checks", "reference"}

    done = run(*command[:-3], cwd=tmp_path)
    assert_refuses(done, "results.sqlite cannot be used (file is not a database); start over with")


# ---------------------------------------------------------------- what a key is made of


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(Class(tmp_path).course)


def key(course: Course, **changed: Any) -> str:
    """The key of one piece of work, some of it changed."""
    what: dict[str, Any] = {
        "files": {"lstm.py": b"right", "helper.py": b"x"},
        "source": "lstm.py",
        "refused": "",
        "limits": DEFAULT,
        "seed": 1,
        "tier": "E",
        "device": "simulated",
        "notes": (),
        **changed,
    }
    work = Work("lstm", what["source"], Job("lstm", "lstm.py", what["files"]), what["refused"])
    origin = Origin.of(course, "lstm", what["limits"]).with_work(work)
    return origin.key(what["seed"], what["tier"], what["device"], what["notes"])


@pytest.mark.parametrize(
    "changed",
    [
        {"files": {"lstm.py": b"right", "helper.py": b"y"}},
        {"files": {"lstm.py": b"right", "helpes.py": b"x"}},
        {"files": {"helper.py": b"xlstm.pyright"}},
        {"files": {"lstm.py": b"right"}},
        {"source": "deep/lstm.py"},
        {"refused": "too large"},
        {"limits": replace(DEFAULT, check_seconds=3)},
        {"seed": 2},
        {"tier": "C"},
        {"device": "real"},
        {"notes": ("lstm2.py is graded as lstm.",)},
    ],
    ids=str,
)
def test_all_that_decides_a_result_is_in_its_key(
    course: Course, changed: Mapping[str, Any]
) -> None:
    assert key(course) == key(course, files={"helper.py": b"x", "lstm.py": b"right"})
    assert key(course) != key(course, **changed)


@pytest.mark.parametrize(
    "file",
    [
        "solutions/lstm.py",
        "solutions/variants/lstm.toml",
        "autograder/checks/lstm.py",
        "autograder/checks/__init__.py",
    ],
)
def test_what_a_course_grades_with_is_in_the_key(course: Course, file: str) -> None:
    before = key(course)
    edit(course.root / file)
    assert key(course) != before
    (course.root / file).unlink()
    course.__dict__.pop("check_files", None)
    if file != "autograder/checks/lstm.py":  # without checks there is no assignment
        assert key(course) != before


def test_other_assignments_are_not_in_the_key(course: Course) -> None:
    before = key(course)
    for file in ("solutions/vit.py", "solutions/variants/vit.toml", "autograder/checks/vit.py"):
        edit(course.root / file)
    assert key(course) == before


def test_the_language_is_in_the_key(course: Course) -> None:
    before = key(course)
    language.use("ko")
    try:
        assert key(course) != before
    finally:
        language.use("en")


# ---------------------------------------------------------------- the store alone


def result(name: str, **more: Any) -> Result:
    return Result(submission=name, assignment="lstm", seed=1, **more)


def begun(path: Path, seed: int = 1, *, fresh: bool = False, lasting: bool = True) -> Store:
    store = Store(path, fresh=fresh)
    store.begin(seed, lasting=lasting)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "results.sqlite"


def test_a_result_comes_back_under_its_key_only(path: Path) -> None:
    store = begun(path)
    store.put({"right": result("박지훈")})
    store.close()
    store = begun(path)
    assert store.submissions == {"박지훈"}
    assert store.get("박지훈", "lstm", "right") == result("박지훈")
    assert store.get("박지훈", "lstm", "other") is None
    assert store.get("박지훈", "vit", "right") is None
    store.put({"other": result("박지훈", score=1.0)})
    assert store.get("박지훈", "lstm", "right") is None
    assert store.get("박지훈", "lstm", "other") == result("박지훈", score=1.0)
    store.close()


@pytest.mark.parametrize(
    "unsteady",
    [
        {"grader_error": "KeyError: 1"},
        {"diagnosis_error": "KeyError: 1"},
        *(
            {"todos": (TodoResult("a", 0, 1, verdict, ()), TodoResult("b", 1, 1, "passed", ()))}
            for verdict in (results.TIMEOUT, results.CRASHED, results.OUT_OF_MEMORY)
        ),
    ],
    ids=str,
)
def test_what_may_come_out_otherwise_is_not_kept(path: Path, unsteady: dict[str, Any]) -> None:
    store = begun(path)
    store.put({"key": result("ann")})
    store.put({"key": result("ann", **unsteady)})
    assert store.get("ann", "lstm", "key") is None
    store.close()


def test_the_seed_of_the_class_lasts(path: Path) -> None:
    for given, lasting, seed in ((5, False, 5), (6, False, 5), (2**63 - 1, True, 2**63 - 1)):
        store = begun(path, given, lasting=lasting)
        assert store.seed == seed
        store.close()
    assert [file.name for file in path.parent.iterdir()] == ["results.sqlite"]


def test_nothing_is_written_or_replaced_before_it_begins(path: Path) -> None:
    store = Store(path)
    assert store.seed is None
    store.close()
    assert not path.parent.exists()
    begun(path).close()
    content = path.read_bytes()
    store = Store(path, fresh=True)
    assert store.seed is None
    store.close()
    assert path.read_bytes() == content


def foreign(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE mine (x)")
    database.close()


def newer(path: Path) -> None:
    begun(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()


def cut(path: Path) -> None:
    begun(path).close()
    path.write_bytes(path.read_bytes()[:3000])


def text(path: Path) -> None:
    path.write_text("My notes.\n" * 100)


@pytest.mark.parametrize("spoil", [foreign, newer, cut, text])
def test_what_is_no_store_is_refused_and_kept_until_fresh(
    path: Path, spoil: Callable[[Path], None]
) -> None:
    path.parent.mkdir()
    spoil(path)
    content = path.read_bytes()
    with pytest.raises(
        UsageError, match=r"cannot be used \(.+\); start over with --fresh, or give"
    ):
        Store(path)
    assert path.read_bytes() == content
    begun(path, 8, fresh=True).close()
    store = Store(path)
    assert store.seed == 8
    store.close()


def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Here every file is full at 40 KiB; what was stored before is there."""
    one = Class(tmp_path)
    for number in range(9):
        one.hand_in(f"ann_{number}", "lstm.py", LSTM)
    words = [str(Path(sys.executable).with_name("autograder")), *map(str, one.command())]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -S -f 40; exec "$@"', "bash", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("autograder: out/results.sqlite cannot be written (")
    assert done.stderr.endswith(
        "; when that is mended, the same command goes on with what is left.\n"
    )
    assert done.stderr.count("\n") == 1
    store = Store(one.out / "results.sqlite")
    assert 0 < len(store.submissions) < 9
    assert {name for name, _ in one.lines()} == store.submissions
    store.close()
