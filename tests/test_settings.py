"""Course settings: what course.toml may say, what each setting changes, and what a mistake in it says."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.cli import commands
from autograder.errors import CourseError, UsageError
from autograder.settings import CourseSettings, Late, Show, for_students, load, table
from tests.conftest import ASSIGNMENTS, REPOSITORY, SUBMISSIONS

Run = Callable[..., subprocess.CompletedProcess[str]]

EVERYTHING = """
title = "딥러닝 5주차"
language = "ko"
accept = ["vit.encoder_block.residual_from_normalised"]
shortcuts = "fail"
require_tier = "B"
groups = false
points.attention = { sdpa = 6, mha = 2.5 }
deadlines.lstm = 2030-05-31T23:59:00+09:00
late = { per_day = 10, at_most = 50, grace_minutes = 15 }
[aliases.attention]
files = ["week5"]
classes.MultiHeadedAttention = ["MHA"]
[show]
diagnosis = "hint"
printed = false
hidden = ["lstm"]
after_due_date = ["attention.sdpa"]
after_published = ["attention.mha"]
[gradescope]
leaderboard = true
evidence = true
"""


def settings(folder: Path, text: str) -> CourseSettings:
    path = folder / "course.toml"
    path.write_text(text, "utf-8")
    return load(path, ASSIGNMENTS)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of this course, to which a test writes its course.toml."""
    root = tmp_path / "course"
    for folder in ("assignments", "solutions"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    return root


# ---------------------------------------------------------------- the file


def test_every_setting_is_read(tmp_path: Path) -> None:
    read = settings(tmp_path, EVERYTHING)
    assert read.title == "딥러닝 5주차"
    assert read.points == {"attention": {"sdpa": 6, "mha": 2.5}}
    assert read.accepted("vit") == {("encoder_block", "residual_from_normalised")}
    assert read.accepted("lstm") == set()
    assert read.deadlines["lstm"].utcoffset() == timedelta(hours=9)
    assert read.late == Late(per_day=10, at_most=50, grace_minutes=15)
    assert read.aliases["attention"].classes == {"MultiHeadedAttention": ("MHA",)}
    assert (read.language, read.shortcuts, read.require_tier) == ("ko", "fail", "B")
    assert not read.groups
    assert read.gradescope.leaderboard
    assert read.gradescope.evidence


def test_an_empty_file_says_the_defaults(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == CourseSettings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("titel = 'x'", "there is no setting 'titel'; did you mean title?"),
        ("late.per_dya = 5", "there is no setting 'per_dya' in late; did you mean per_day?"),
        ("aliases.lstm.flies = []", "no setting 'flies' in aliases.lstm; did you mean files?"),
        ("zzz = 1", "there is no setting 'zzz'; there are title, language, points,"),
        (
            "points.attention.sdpa = 'four'",
            'points.attention.sdpa is "four"; it should be a number.',
        ),
        ("points.attention.sdpa = 0", "points.attention.sdpa is 0; it should be greater than 0."),
        ("points.attention.sdpa = nan", "points.attention.sdpa is nan; it should be"),
        ("points.atention.sdpa = 1", "no assignment 'atention' in points; did you mean attention?"),
        ("late.per_day = 101", "late.per_day is 101; it should be less than or equal to 100."),
        ("show.printed = 'yes'", 'show.printed is "yes"; it should be true or false.'),
        ("require_tier = 'E'", "require_tier is \"E\"; it should be 'A', 'B', 'C' or 'D'."),
        (
            "deadlines.lstm = 2030-05-31",
            'deadlines.lstm is "2030-05-31"; it should be a date with its time, as',
        ),
        ("deadlines.lstm = 2030-05-31T23:59:00", "deadlines.lstm does not say in which time zone"),
        ("deadlines.lsmt = 2030-05-31T23:59:00Z", "no assignment 'lsmt' in deadlines; did you"),
        ("accept = ['unscaled']", "accept holds 'unscaled'; write 'assignment.todo.mistake'"),
        ("accept = ['vit2.body.mean_pool']", "no assignment 'vit2' in accept; did you mean vit?"),
        ("show.hidden = ['lsmt.h0_c0']", "no assignment 'lsmt' in show.hidden; did you mean lstm?"),
        ("late = 3", "late is 3; it should be a table."),
        ("accept = 'vit'", 'accept is "vit"; it should be a list, in brackets.'),
        ("[late", "is not a TOML file"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_key(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(CourseError) as error:
        settings(tmp_path, text)
    said = str(error.value)
    assert sentence in said
    assert said.startswith(str(tmp_path / "course.toml"))
    assert "\n" not in said


@pytest.mark.parametrize("command", ["grade", "check"])
def test_a_typo_ends_a_command_with_one_sentence(run: Run, course: Path, command: str) -> None:
    (course / "course.toml").write_text("[late]\nper_dya = 10\n")
    given = {
        "grade": ["grade", SUBMISSIONS / "song_hyunwoo", "-o", course / "out", "--course", course],
        "check": ["check", course / "assignments" / "lstm.py"],
    }[command]
    done = run(*given, cwd=course.parent)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "course.toml: there is no setting 'per_dya' in late; did you mean" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (course / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "points.attention.spda = 4",
            "there is no TODO 'spda' in points.attention; did you mean sdpa?",
        ),
        ("aliases.attention.classes.MHA = ['A']", "there is no class 'MHA' in aliases.attention."),
        (
            "show.hidden = ['attention.sdpa.works_for_every_haed']",
            "there is no TODO or check 'sdpa.works_for_every_haed' in show.hidden.attention; "
            "did you mean sdpa.works_for_every_head?",
        ),
        (
            "accept = ['attention.sdpa.unscald']",
            "there is no mistake 'attention.sdpa.unscald' in accept; did you mean "
            "attention.sdpa.unscaled?",
        ),
    ],
)
def test_what_the_assignment_does_not_have_is_refused(
    run: Run, course: Path, text: str, sentence: str
) -> None:
    (course / "course.toml").write_text(text)
    submission = SUBMISSIONS / "song_hyunwoo"
    done = run("grade", submission, "-o", "out", "--course", course, cwd=course.parent)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- what the settings change


def test_settings_change_what_is_graded(run: Run, course: Path) -> None:
    classroom = course.parent / "class"
    classroom.mkdir()
    shutil.copytree(SUBMISSIONS / "song_hyunwoo", classroom / "song")  # sdpa unscaled, mha right
    shutil.copytree(SUBMISSIONS / "kwon_nayeon", classroom / "kwon")  # residual_from_normalised
    (classroom / "lee").mkdir()
    renamed = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")
    renamed = renamed.replace("LSTMClassifier", "MyNet")
    (classroom / "lee" / "rows.py").write_text(renamed, "utf-8")

    def grade() -> dict[str, dict[str, object]]:
        arguments = ("class", "-o", "out", "--course", course, "--seed", "3")
        done = run("grade", *arguments, cwd=course.parent)
        assert done.returncode == 0, done.stderr
        lines = (course.parent / "out" / "results.jsonl").read_text("utf-8").splitlines()
        return {(line := json.loads(text))["submission"]: line for text in lines}

    before = grade()
    assert [before[name]["score"] for name in ("song", "kwon", "lee")] == [4, 6, 0]
    assert before["lee"]["assignment"] is None
    feedback = course.parent / "out" / "feedback" / "song" / "feedback.md"
    assert "√d_K (eq. 1)" in feedback.read_text("utf-8")
    (course / "course.toml").write_text(
        """
        language = "ko"
        points.attention.sdpa = 12
        accept = ["vit.encoder_block.residual_from_normalised"]
        aliases.lstm = { files = ["rows"], classes = { LSTMClassifier = ["MyNet"] } }
        show.diagnosis = "hint"
        """
    )
    after = grade()
    assert (after["song"]["score"], after["song"]["max_score"]) == (4, 16)
    assert after["kwon"]["score"] == 10
    assert (after["lee"]["assignment"], after["lee"]["score"]) == ("lstm", 6)
    said = feedback.read_text("utf-8")
    assert "## attention: 16점 중 4점" in said
    assert "(식 1)" not in said  # the hint, and not yet the feedback
    assert before["kwon"]["digests"]["settings"] != after["kwon"]["digests"]["settings"]  # type: ignore[index]


@pytest.mark.parametrize("way_out", ["os._exit(1)", "raise Inseparable('x')", "raise ValueError"])
def test_an_accepted_mistake_counts_where_it_shows(run: Run, course: Path, way_out: str) -> None:
    """What dies before it can be told from an accepted mistake has not shown that it is one."""
    source = (SUBMISSIONS / "song_hyunwoo" / "attention.py").read_text("utf-8")
    [line] = [one for one in source.splitlines() if "if mask is not None" in one]
    space = line[: -len(line.lstrip())]
    source = source.replace(line, f"{line}\n{space}    {way_out}", 1)
    imports = "import os\nfrom autograder.check import Inseparable\n"
    folder = course.parent / "class" / "song"
    folder.mkdir(parents=True)
    (folder / "attention.py").write_text(imports + source, "utf-8")
    (course / "course.toml").write_text('accept = ["attention.sdpa.unscaled"]')
    done = run("grade", "class", "-o", "out", "--course", course, "--seed", "3", cwd=course.parent)
    assert done.returncode == 0, done.stderr
    [line] = (course.parent / "out" / "results.jsonl").read_text("utf-8").splitlines()
    [sdpa] = [todo for todo in json.loads(line)["todos"] if todo["id"] == "sdpa"]
    assert sdpa["score"] < 2.5


def test_the_least_tier_of_the_course_counts(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.tier.prove", lambda warm: "C")
    (course / "course.toml").write_text("require_tier = 'B'")
    arguments = ["grade", SUBMISSIONS / "song_hyunwoo", "-o", course / "out", "--course", course]
    with pytest.raises(UsageError, match="tier B is asked for, and this machine gives tier C"):
        commands.main([str(a) for a in arguments], standalone_mode=False)


def test_check_uses_the_settings_beside_the_stubs(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "handout"
    shutil.copytree(REPOSITORY / "assignments", folder)
    shutil.copy(SUBMISSIONS / "song_hyunwoo" / "attention.py", folder)
    (folder / "course.toml").write_text("language = 'ko'\npoints.attention.sdpa = 1\n")
    done = run("check", "attention.py", cwd=folder)
    assert "attention  5점 중 4점" in done.stdout
    done = run("check", "attention.py", "--lang", "en", cwd=folder)
    assert "attention  4 of 5 points" in done.stdout


# ---------------------------------------------------------------- single settings


@pytest.mark.parametrize(
    ("hours", "lost"),
    [(-1, 0), (0, 0), (0.25, 0), (0.26, 10), (24, 10), (24.1, 20), (100, 50), (10_000, 50)],
)
def test_late_work_loses_points_for_each_day_begun(hours: float, lost: float) -> None:
    due = datetime(2030, 5, 31, tzinfo=UTC)
    late = Late(per_day=10, at_most=50, grace_minutes=15)
    assert late.percent(due + timedelta(hours=hours), due) == lost


def test_visibility_is_that_of_the_smallest_part_that_is_named() -> None:
    show = Show(hidden=("lstm",), after_published=("lstm.h0_c0", "vit.body.x"))
    assert show.visibility("lstm") == "hidden"
    assert show.visibility("lstm", "last_step", "x") == "hidden"
    assert show.visibility("lstm", "h0_c0") == "after_published"
    assert show.visibility("vit", "body") == "visible"
    assert show.visibility("vit", "body", "x") == "after_published"


def test_a_hand_out_gets_what_a_student_needs_and_no_more(tmp_path: Path) -> None:
    read = settings(tmp_path, EVERYTHING)
    text = for_students(read, "en")
    again = settings(tmp_path, text)
    assert (again.language, again.title) == ("en", read.title)
    assert (again.points, again.aliases) == (read.points, read.aliases)
    assert (again.shortcuts, again.show.diagnosis) == ("fail", "hint")
    for private in ("accept", "require_tier", "deadlines", "gradescope", "hidden"):
        assert private not in text


def test_the_readme_lists_every_setting_with_its_default() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    block = readme.partition("<!-- settings -->\n")[2].partition("<!-- end of settings -->")[0]
    assert block == table()
