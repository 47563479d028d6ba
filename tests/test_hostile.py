"""A class of attacks among honest submissions: nobody gains, nobody else loses, nothing leaks or stays.

`tests/hostile/` holds an attack in each folder, with its story on top; `hostile_files.py` makes the
malformed ones. Promises that rest on the lockdown are skipped where there is none (tier E), by name.
"""

import ast
import json
import shutil
import subprocess
import tomllib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.conftest import REPOSITORY, SUBMISSIONS
from tests.hostile_files import RECIPES
from tests.hostile_traces import (
    LOOT,
    PORT,
    PRECIOUS,
    homes,
    listen,
    orphans_come_here,
    what_is_left,
    who_connected,
)

if not Path("/proc/self").is_dir():
    pytest.skip("the attacks are written for Linux", allow_module_level=True)

Run = Callable[..., CompletedProcess[str]]

HOSTILE = REPOSITORY / "tests" / "hostile"
SHARED = ("answers.py", "loot.py")  # modules that every attack carries with it
EXPECTED = tomllib.loads((REPOSITORY / "tests" / "hostile_expected.toml").read_text("utf-8"))
ATTACKS = sorted([path.name for path in HOSTILE.iterdir() if path.is_dir()] + [*RECIPES])
# Right, wrong, untouched and partly right, over all four assignments.
HONEST = (
    *("bae_sumin", "go_eunseo", "heo_jun", "kim_minjun"),
    *("seo_yuna.ipynb", "son_yejin", "song_hyunwoo", "yang_junseo"),
)

# What the attacks look for.
TOKENS = {
    place: f"SECRET-{place}-{uuid.uuid4().hex[:16]}"
    for place in ("solutions", "environment", "neighbour", "tmp")
}


@dataclass(frozen=True)
class Graded:
    """What a command left: its output, and the folder OUT."""

    process: CompletedProcess[str]
    out: Path

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.out / "results.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["submission"] == name]


@dataclass(frozen=True)
class Aftermath(Graded):
    """… and what else was found once the class with the attacks was graded."""

    survivors: list[str]
    connections: list[str]
    left: list[str]
    homes: list[str]
    looted: str
    precious: bool


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A course, its honest submissions, and a token in each place that must not be read."""
    place = tmp_path_factory.mktemp("hostile")
    (place / "temporary").mkdir()
    for part in ("solutions", "assignments", "autograder/checks"):
        shutil.copytree(REPOSITORY / part, place / "course" / part)
    (place / "course" / "solutions" / "key.txt").write_text(TOKENS["solutions"])
    for name in HONEST:
        copy = shutil.copytree if (SUBMISSIONS / name).is_dir() else shutil.copy
        (place / "honest").mkdir(exist_ok=True)
        copy(SUBMISSIONS / name, place / "honest" / name)
    (place / "honest" / "kim_minjun" / "diary.txt").write_text(TOKENS["neighbour"])
    PRECIOUS.mkdir(exist_ok=True)
    (PRECIOUS / "token.txt").write_text(TOKENS["tmp"])
    yield place
    # Not shutil.rmtree: some of what the attacks leave is nested too deeply for it.
    subprocess.run(["rm", "-rf", place / "temporary", PRECIOUS, PORT, LOOT], check=False)


def grade(run: Run, place: Path, submissions: str) -> tuple[CompletedProcess[str], Path]:
    out = place / f"{submissions}-out"
    settings = (
        "--seed",
        "7",
        "--timeout",
        "3",
        "--jobs",
        "2",
        "--course",
        place / "course",
    )
    environment = {"TMPDIR": str(place / "temporary"), "GRADER_TOKEN": TOKENS["environment"]}
    command = ("grade", submissions, "-o", out, *settings)
    return run(*command, cwd=place, timeout=600, **environment), out


@pytest.fixture(scope="module")
def alone(run: Run, place: Path) -> Graded:
    """The honest submissions without the hostile ones."""
    return Graded(*grade(run, place, "honest"))


@pytest.fixture(scope="module")
def tier(alone: Graded) -> str:
    [tier] = {line["tier"] for line in alone.lines}
    return str(tier)


@pytest.fixture(scope="module")
def graded(run: Run, place: Path, tier: str) -> Aftermath:
    """Everybody together."""
    shutil.copytree(place / "honest", place / "class")
    for name in ATTACKS:
        if tier == "E" and name in EXPECTED["needs_lockdown"]:
            continue
        folder = place / "class" / name
        if name in RECIPES:
            RECIPES[name](folder)
        else:
            files = [*(HOSTILE / name).iterdir(), *(HOSTILE / shared for shared in SHARED)]
            folder.mkdir()
            for file in files:
                shutil.copy(file, folder)
    listeners = listen()
    with orphans_come_here() as survivors:
        process, out = grade(run, place, "class")
    looted = "".join(file.read_text() for file in LOOT.glob("*"))
    left = what_is_left(place / "temporary")
    kept = (PRECIOUS / "token.txt").is_file() and PRECIOUS.stat().st_mode & 0o777 == 0o755
    return Aftermath(
        process,
        out,
        survivors,
        who_connected(listeners),
        left,
        homes(place / "temporary"),
        looted,
        kept,
    )


def skip_without_lockdown(tier: str, *groups: str) -> None:
    """What cannot be stopped on this machine is named, and not passed over."""
    if tier in ("C", "E"):
        names = [name for name in ATTACKS if name.startswith(groups)]
        pytest.skip(f"without Landlock (tier {tier}) this is open to {', '.join(names)}")


def skip_if_left_out(tier: str, name: str) -> None:
    if tier == "E" and name in EXPECTED["needs_lockdown"]:
        pytest.skip(f"without a lockdown (tier E) {name} stops the grader, and was left out")


# The attacks themselves


def test_there_are_many_attacks_and_each_tells_its_story() -> None:
    assert len(ATTACKS) >= 72
    assert {*EXPECTED["most"], *EXPECTED["needs_lockdown"]} <= {*ATTACKS}
    for name in ATTACKS:
        if name in RECIPES:
            assert RECIPES[name].__doc__
        else:
            [file] = (HOSTILE / name).glob("*.py")
            assert ast.get_docstring(ast.parse(file.read_text("utf-8"))), name


# What everybody may rely on


def test_the_class_is_graded(graded: Aftermath) -> None:
    assert graded.process.returncode == 0, graded.process.stderr[-500:]


def test_the_grader_is_not_disturbed(graded: Aftermath) -> None:
    lines = graded.process.stderr.splitlines()
    assert not [line for line in lines if "Warning" in line or "Traceback" in line]


def test_no_mark_is_left_open(graded: Aftermath) -> None:
    faults = {"grader_error", "diagnosis_error"}
    assert [line["submission"] for line in graded.lines if faults & line.keys()] == []


def test_honest_results_are_the_same_with_and_without_attacks(
    alone: Graded, graded: Aftermath
) -> None:
    for name in (Path(name).stem for name in HONEST):
        mine = [{**line, "seconds": 0} for line in alone.of(name)]
        assert mine
        assert [{**line, "seconds": 0} for line in graded.of(name)] == mine


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_gets_more_than_its_honest_content_earns(
    graded: Aftermath, tier: str, name: str
) -> None:
    skip_if_left_out(tier, name)
    if name.startswith("reading"):
        skip_without_lockdown(tier, name)
    assert sum(line["score"] for line in graded.of(name)) <= EXPECTED["most"].get(name, 0)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_gets_a_verdict_and_a_clear_sentence(
    graded: Aftermath, tier: str, name: str
) -> None:
    skip_if_left_out(tier, name)
    lines = graded.of(name)
    assert lines
    for line in lines:
        failed = [c for todo in line["todos"] for c in todo["checks"] if not c["passed"]]
        said = [check["message"] for check in failed] or line["notes"]
        assert all(said)
        assert said or line["score"] == line["max_score"] > 0
        assert all(todo["verdict"] for todo in line["todos"])
        # Its own text may say anything; it is cut, and never shows where the grader works.
        assert not any("Traceback" in text or "/submission-" in text for text in said)
        assert max(map(len, said), default=0) < 6000


# What the TA is told


@pytest.mark.parametrize("name", EXPECTED["noticed"])
def test_an_attempt_is_noticed(graded: Aftermath, tier: str, name: str) -> None:
    skip_if_left_out(tier, name)
    found = {attempt["what"] for line in graded.of(name) for attempt in line["attempts"]}
    assert found >= set(EXPECTED["noticed"][name])


def test_every_attack_at_the_boundary_is_noticed_or_known_not_to_be() -> None:
    at_it = ("exfiltration", "forgery", "protocol", "reading", "tampering", "crash-kills")
    noticed, unnoticed = set(EXPECTED["noticed"]), set(EXPECTED["unnoticed"])
    assert noticed | unnoticed >= {name for name in ATTACKS if name.startswith(at_it)}
    assert not noticed & unnoticed
    assert noticed | unnoticed <= {*ATTACKS}


def test_the_terminal_counts_who_tried_what(graded: Aftermath) -> None:
    who = {line["submission"] for line in graded.lines if line["attempts"]}
    sentence = f"{len(who)} submissions tried what no answer needs: "
    assert sentence in " ".join(graded.process.stdout.split())


def test_no_honest_submission_is_said_to_have_tried_anything(graded: Aftermath) -> None:
    honest = [line for name in HONEST for line in graded.of(Path(name).stem)]
    assert honest
    assert [line for line in honest if line["attempts"] or line["shortcuts"]] == []


def test_no_student_reads_of_attempts(graded: Aftermath) -> None:
    files = [f for f in (graded.out / "feedback").rglob("*") if f.is_file()]
    assert files
    for words in ("opened a socket", "called native code", "looked into processes"):
        assert not [file for file in files if words in file.read_text("utf-8")]


# What must not leak or stay


@pytest.mark.parametrize("secret", TOKENS)
def test_no_secret_is_found(graded: Aftermath, tier: str, secret: str) -> None:
    skip_without_lockdown(tier, "reading", "exfiltration")
    token = TOKENS[secret]
    random = token.rpartition("-")[2]
    disguises = (random, random[::-1], token.encode().hex())
    files = {str(f): f.read_bytes() for f in graded.out.rglob("*") if f.is_file()}
    shown = [name for name, data in files.items() if any(d.encode() in data for d in disguises)]
    assert not shown
    assert random not in graded.looted + graded.process.stdout


def test_nobody_connected(graded: Aftermath, tier: str) -> None:
    skip_without_lockdown(tier, "exfiltration")
    assert graded.connections == []


def test_no_file_or_memory_is_left(graded: Aftermath, tier: str) -> None:
    skip_without_lockdown(tier, "exfiltration", "tampering-plants")
    assert graded.left == []


def test_no_home_is_left(graded: Aftermath) -> None:
    assert graded.homes == []


def test_no_process_is_left(graded: Aftermath) -> None:
    assert graded.survivors == []


def test_the_files_of_others_are_as_they_were(graded: Aftermath) -> None:
    assert graded.precious
