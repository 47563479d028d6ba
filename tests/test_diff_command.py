"""`autograder diff` from outside: whose mark changed, and what changed it."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.results import Result, TodoResult
from tests.test_grade_command import assert_refuses

Run = Callable[..., subprocess.CompletedProcess[str]]
VERSIONS = {"autograder": "0.1.0", "torch": "2.6.0+cpu", "python": "3.11.7", "numpy": "2.0.0"}
WHAT = ("submission", "checks", "reference", "mistakes", "engine", "limits")
DIGESTS = dict.fromkeys(WHAT, "old")


def todo(score: float, verdict: str = "", diagnosis: tuple[str, ...] = ()) -> TodoResult:
    verdict = verdict or ("passed" if score == 3 else "failed")
    return TodoResult("last_step", score, 3.0, verdict, (), diagnosis=diagnosis)


def result(name: str = "ann", *todos: TodoResult, **more: Any) -> Result:
    fields: dict[str, Any] = {"assignment": "lstm", "seed": 1, **more}
    points = {"score": sum(t.score for t in todos), "max_score": 3.0 * len(todos)}
    fields = {"versions": VERSIONS, "digests": DIGESTS, **points, **fields}
    return Result(submission=name, todos=todos, **fields)


@pytest.fixture
def diff(run: Run, tmp_path: Path) -> Callable[..., tuple[int, list[str]]]:
    """The exit status and the lines that are shown for two gradings."""

    def call(old: list[Result], new: list[Result]) -> tuple[int, list[str]]:
        for name, graded in (("old", old), ("new", new)):
            (tmp_path / name).mkdir()
            text = "".join(one.to_line() + "\n" for one in graded)
            (tmp_path / name / "results.jsonl").write_text(text, "utf-8")
        done = run("diff", "old", "new/results.jsonl", cwd=tmp_path, COLUMNS="160")
        assert done.stderr == ""
        assert not re.search(" +$", done.stdout, re.M)
        return done.returncode, [" ".join(line.split()) for line in done.stdout.splitlines()]

    return call


Diff = Callable[[list[Result], list[Result]], tuple[int, list[str]]]
HEADS = "submission assignment TODO points verdict why"


def test_gradings_that_agree_show_nothing(diff: Diff) -> None:
    """Whatever else is new, as the seed is here: what counts are the verdicts."""
    old, new = result("ann", todo(3.0), seed=1), result("ann", todo(3.0), seed=2)
    assert diff([old], [new]) == (0, ["No mark changed."])


CAUSES: list[tuple[dict[str, Any], str]] = [
    ({"digests": {**DIGESTS, "submission": "new"}}, "the submission changed"),
    ({"digests": {**DIGESTS, "checks": "new"}}, "the checks changed"),
    ({"digests": {**DIGESTS, "reference": "new"}}, "the solution changed"),
    ({"digests": {**DIGESTS, "mistakes": "new"}}, "the catalogue of mistakes changed"),
    ({"digests": {**DIGESTS, "engine": "new"}}, "the grader changed"),
    ({"digests": {**DIGESTS, "limits": "new"}}, "other limits"),
    ({"versions": {**VERSIONS, "torch": "2.7.0+cpu"}}, "another version of torch"),
    ({"seed": 2}, "another seed"),
    ({"tier": "C"}, "another tier"),
    ({"seed": 2, "digests": {**DIGESTS, "checks": "new"}}, "the checks changed, another seed"),
    ({}, "nothing that decides it changed; the machine's load may have"),
    ({"versions": {}, "digests": {}}, "unknown, as an earlier version graded one of them"),
]


@pytest.mark.parametrize(("changed", "why"), CAUSES, ids=[why for _, why in CAUSES])
def test_a_mark_that_changed_says_why(diff: Diff, changed: dict[str, Any], why: str) -> None:
    status, lines = diff([result("ann", todo(0.0))], [result("ann", todo(3.0), **changed)])
    row = f"ann lstm last_step 0/3 → 3/3 failed → passed {why}"
    assert (status, lines) == (1, [HEADS, row, "", "The marks of 1 of 1 submissions changed."])


def test_another_verdict_or_diagnosis_is_shown_but_is_no_other_mark(diff: Diff) -> None:
    old = [result("ann", todo(0.0, diagnosis=("first_step",))), result("ben", todo(0.0))]
    new = [
        result("ann", todo(0.0), digests={**DIGESTS, "mistakes": "new"}),
        result("ben", todo(0.0, "timeout")),
    ]
    status, lines = diff(old, new)
    assert status == 0
    assert lines[1:] == [
        "ann lstm last_step 0/3 failed another diagnosis: first_step → none; "
        "the catalogue of mistakes changed",
        "ben lstm last_step 0/3 failed → timeout nothing that decides it changed; the machine's "
        "load may have",
        "",
        "No mark changed; in 2 more rows only the verdict or the diagnosis.",
    ]


def test_who_is_only_in_one_of_them_is_counted_apart(diff: Diff) -> None:
    """Nobody's mark changed then; an assignment that someone in both got, or lost, is a mark."""
    nothing = {"assignment": None}
    old = [result("ann", todo(3.0)), result("ben", **nothing), result("cyd", **nothing)]
    new = [result("ben", todo(0.0)), result("cyd", **nothing), result("[b]박지훈", todo(3.0))]
    assert diff(old, new) == (
        1,
        [
            HEADS,
            "[b]박지훈 lstm – → 3/3 only in NEW",
            "ann lstm 3/3 → – only in OLD",
            "ben lstm – → 0/3 only in NEW",
            "",
            "The marks of 1 of 2 submissions changed; 1 more is only in OLD; 1 more is only in NEW.",
        ],
    )


def test_a_lost_submission_is_no_changed_mark_but_still_a_difference(diff: Diff) -> None:
    status, lines = diff([result("ann", todo(3.0)), result("ben", todo(3.0))], [])
    assert (status, lines[-1]) == (1, "No mark changed; 2 more are only in OLD.")


def test_a_todo_that_is_new_is_a_row(diff: Diff) -> None:
    """And code that was given, which has no points, is no mark."""
    given = TodoResult("given", 0.0, 0.0, "failed", ())
    old, new = result("ann", todo(3.0)), result("ann", given, digests={**DIGESTS, "checks": "new"})
    status, lines = diff([old], [new])
    assert status == 1
    assert lines[1:3] == [
        "ann lstm last_step 3/3 → – passed → – the checks changed",
        "ann lstm given – – → failed the checks changed",
    ]


def test_a_line_that_a_kill_cut_off_is_not_there(run: Run, tmp_path: Path) -> None:
    whole = result("ann", todo(3.0)).to_line().encode()
    (tmp_path / "old").write_bytes(whole + b"\n" + whole.replace(b"ann", "박".encode())[:21])
    (tmp_path / "new").write_bytes(whole)  # and an editor may take the last end of line
    done = run("diff", "old", "new", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "No mark changed.\n", "")


@pytest.mark.parametrize(
    "content", ["hello\n", "[]\n", '{"submission": 1}\n', json.dumps({"a": 1}), b"\xff\n"]
)
def test_what_is_no_results_file_is_refused(run: Run, tmp_path: Path, content: str | bytes) -> None:
    data = content.encode() if isinstance(content, str) else content
    (tmp_path / "old").write_bytes(data)
    done = run("diff", "old", "old", cwd=tmp_path)
    assert_refuses(done, "old is not what this version writes; give another folder, or")


def test_what_does_not_exist_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert_refuses(
        run("diff", "out", "out", cwd=tmp_path), "out/results.jsonl does not exist; give"
    )
