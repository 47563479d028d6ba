"""`pytest --submission` from outside: real pytest processes, in a student's own folder."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from autograder.own import check_files
from tests.conftest import ASSIGNMENTS, REPOSITORY, SUBMISSIONS, Grader
from tests.test_check_command import copy_handout, solve, wrong_sdpa

SOLUTIONS = REPOSITORY / "solutions"


@dataclass(frozen=True)
class Case:
    """One test in JUnit's file. `text` is what a failure says."""

    outcome: str
    text: str
    properties: dict[str, list[str]]


@dataclass(frozen=True)
class Session:
    """What came of one call of pytest. The cases are by (class name, name)."""

    status: int
    output: str
    error: str
    cases: dict[tuple[str, str], Case]

    def of(self, todo: str) -> dict[str, Case]:
        """The checks of a TODO, "assignment.todo"."""
        return {name: case for (owner, name), case in self.cases.items() if owner == todo}

    def outcomes(self, todo: str) -> set[str]:
        return {case.outcome for case in self.of(todo).values()}


def run_pytest(*arguments: str | Path, cwd: Path, **environment: str) -> Session:
    """Run pytest as a user does; every warning is an error."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    report = cwd / "junit.xml"
    process = subprocess.run(
        [
            Path(sys.executable).with_name("pytest"),
            *["-p", "no:cacheprovider", "-W", "error", f"--junitxml={report}"],
            *arguments,
        ],
        cwd=cwd,
        env={**own, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    cases = {}
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            child = next((c for c in case if c.tag in ("failure", "error", "skipped")), None)
            properties: dict[str, list[str]] = {}
            for each in case.iter("property"):
                properties.setdefault(each.attrib["name"], []).append(each.attrib["value"])
            cases[case.attrib["classname"], case.attrib["name"]] = Case(
                "passed" if child is None else child.tag,
                "" if child is None else child.text or "",
                properties,
            )
        report.unlink()
    return Session(process.returncode, process.stdout, process.stderr, cases)


def assert_clean(session: Session) -> None:
    """Nothing of the grader's inside shows."""
    assert session.error == ""
    for inside in ("Traceback", "INTERNALERROR", "pytest_plugin", "/autograder/"):
        assert inside not in session.output


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    folder = tmp_path / "week 5"
    copy_handout(folder)
    return folder


PRINTING = 'print("\\x1b[31mit was imported")\nopen("{log}", "a").write("x")\n'
GIVEN_GELU = "            nn.GELU(),\n"


@dataclass(frozen=True)
class Mixed:
    folder: Path
    imports: int  # of the attention, in that session
    session: Session


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    """A right LSTM, an SDPA that does not scale, an untouched AAE, and changed code in a right ViT."""
    folder = tmp_path_factory.mktemp("mixed") / "work"
    copy_handout(folder)
    solve(folder, "lstm", "vit")
    wrong_sdpa(folder)
    log = folder / "imports"
    with (folder / "attention.py").open("a", encoding="utf-8") as file:
        file.write(PRINTING.format(log=log))
    vit = (folder / "vit.py").read_text("utf-8")
    assert vit.count(GIVEN_GELU) == 1
    (folder / "vit.py").write_text(vit.replace(GIVEN_GELU, GIVEN_GELU.replace("GELU", "ReLU")))
    session = run_pytest("--submission", ".", cwd=folder)
    return Mixed(folder, len(log.read_text()), session)


# ---------------------------------------------------------------- as `autograder check` judges it


def test_every_check_of_a_right_solution_passes(handout: Path, grader: Grader) -> None:
    solve(handout, *ASSIGNMENTS)
    session = run_pytest("--submission", ".", cwd=handout)
    assert_clean(session)
    assert session.status == 0
    assert {key: case.outcome for key, case in session.cases.items()} == {
        (f"{assignment.name}.{check.todo}", check.id): "passed"
        for assignment in grader.assignments.values()
        for check in assignment.checks
    }
    for assignment in grader.assignments.values():
        for check in assignment.checks:
            points = session.cases[f"{assignment.name}.{check.todo}", check.id].properties
            assert [float(p) for p in points["points"] + points["max_points"]] == [check.points] * 2


def test_an_untouched_todo_fails_as_not_attempted(mixed: Mixed) -> None:
    assert_clean(mixed.session)
    assert mixed.session.status == 1
    for number in range(1, 8):
        checks = mixed.session.of(f"aae.todo{number}")
        assert checks
        for case in checks.values():
            assert case.outcome == "failure"
            assert case.text.startswith("Not attempted yet.\n")
            assert case.properties["points"] == ["0.0"]
    assert mixed.session.outcomes("aae.given") == {"skipped"}


def test_only_the_checks_of_a_wrong_todo_fail(mixed: Mixed) -> None:
    assert mixed.session.outcomes("attention.sdpa") == {"failure"}
    for right in ("attention.mha", "lstm.h0_c0", "lstm.last_step", "vit.encoder_block"):
        assert mixed.session.outcomes(right) == {"passed"}


def test_a_failure_says_what_the_check_command_says(mixed: Mixed) -> None:
    (result,) = check_files([mixed.folder / "attention.py"])
    sdpa = result.todos[0]
    cases = mixed.session.of("attention.sdpa")
    assert cases.keys() == {check.id for check in sdpa.checks}
    for check in sdpa.checks:
        assert "expected" in check.message
        said = [*sdpa.feedback, *sdpa.evidence, check.message, f"Checked: {check.title}"]
        assert cases[check.id].text.splitlines() == said
        assert cases[check.id].text in mixed.session.output


def test_it_speaks_the_language_of_the_locale(handout: Path) -> None:
    session = run_pytest("--submission", "lstm.py", cwd=handout, LANG="ko_KR.UTF-8")
    assert session.cases
    for case in session.cases.values():
        message, checked = case.text.splitlines()
        assert re.search(r"[가-힣]", message)
        assert checked.startswith("검사한 것: ")


def test_given_code_that_was_changed_is_named_apart(mixed: Mixed) -> None:
    outcomes = {name: case.outcome for name, case in mixed.session.of("vit.given").items()}
    assert outcomes.pop("given_mlp") == "failure"
    assert set(outcomes.values()) <= {"passed"}
    assert mixed.session.outcomes("vit.encoder_block") == {"passed"}


def test_an_assignment_is_judged_once(mixed: Mixed) -> None:
    assert mixed.imports == 2  # on the CPU, and on the GPU


def test_what_the_code_prints_stands_with_its_failures(mixed: Mixed) -> None:
    _, _, failures = mixed.session.output.partition("attention/sdpa::works_for_every_head ___")
    section = re.search(r"-+ Captured stdout call -+\n(.*)\n", failures)
    assert section is not None
    assert section[1] == "�[31mit was imported"
    assert "\x1b" not in mixed.session.output


def test_the_header_says_which_file_is_judged(tmp_path: Path) -> None:
    notebook = SUBMISSIONS / "seo_yuna.ipynb"
    session = run_pytest(f"--submission={notebook}", cwd=tmp_path)
    assert_clean(session)
    assert session.status == 0
    assert session.cases
    assert "autograder: attention (seo_yuna.ipynb), lstm (seo_yuna.ipynb)\n" in session.output
    assert "autograder: seo_yuna.ipynb is graded as lstm, by its classes.\n" in session.output


# ---------------------------------------------------------------- against the reference


def test_against_the_reference_mistakes_are_named_and_a_seed_repeats_it(handout: Path) -> None:
    """First in two processes of pytest-xdist, which share a seed; then in one with that seed."""
    wrong_sdpa(handout)
    options = ["--submission=attention.py", f"--reference={SOLUTIONS}"]
    drawn = run_pytest(*options, "-n", "2", cwd=handout)
    seed = re.search(r"^autograder: seed (\d+) \(--autograder-seed \1 repeats", drawn.output, re.M)
    assert seed is not None
    repeated = run_pytest(*options, f"--autograder-seed={seed[1]}", cwd=handout)
    recorded = run_pytest(*options[:1], cwd=handout)
    assert drawn.cases == repeated.cases
    for session in (drawn, repeated):
        assert_clean(session)
        assert session.status == 1
        assert session.outcomes("attention.sdpa") == {"failure"}
        assert session.outcomes("attention.mha") == {"passed"}
    for name, case in repeated.of("attention.sdpa").items():
        feedback, message, _checked = case.text.splitlines()
        assert "without the division by √d_K" in feedback
        assert case.properties["diagnosis"] == ["unscaled"]
        assert message not in recorded.of("attention.sdpa")[name].text.splitlines()
    assert all("diagnosis" not in c.properties for c in repeated.of("attention.mha").values())


# ---------------------------------------------------------------- what cannot be judged


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--submission=nope"], "nope does not exist; give the file that you work in."),
        (["--submission=lstm.safetensors"], "lstm.safetensors is neither a .py nor an .ipynb; "),
        (["--submission=empty"], "no assignment was found in empty; "),
        (["--submission=empty", "-n", "2"], "no assignment was found in empty; "),
        (["--submission=.", "--reference=empty"], "/empty/aae.py is missing; "),
        (["--reference=solutions"], "--reference needs --submission, "),
        (["--submission=.", "--autograder-seed=3"], "--autograder-seed is a number from 0 on, "),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    handout: Path, arguments: list[str], sentence: str
) -> None:
    (handout / "empty").mkdir()
    session = run_pytest(*arguments, cwd=handout)
    assert session.status == 4
    assert re.fullmatch(r"ERROR: [^\n]+\.\n\n?", session.error), session.error
    assert sentence in session.error
    assert session.output == ""
    assert session.cases == {}


def test_a_fault_of_the_graders_is_an_error_and_no_failure(handout: Path) -> None:
    solve(handout, "lstm")
    damaged = handout / "attention.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    for name in ("aae", "vit"):
        (handout / f"{name}.py").unlink()
    session = run_pytest("--submission", ".", cwd=handout)
    assert_clean(session)
    assert session.status == 1
    assert session.outcomes("lstm.h0_c0") == session.outcomes("lstm.last_step") == {"passed"}
    cases = {**session.of("attention.sdpa"), **session.of("attention.mha")}
    assert cases
    for case in cases.values():
        assert case.outcome == "error"
        fault, reason = case.text.splitlines()
        assert fault.endswith("it is not your mistake, and your mark is open.")
        assert re.search(r"/attention\.safetensors is damaged \(.*hand-out again", reason)


def test_a_file_that_cannot_be_imported_fails_every_check(handout: Path) -> None:
    (handout / "vit.py").write_text("class VisionTransformer(:\n", "utf-8")
    session = run_pytest("--submission", "vit.py", cwd=handout)
    assert_clean(session)
    assert session.status == 1
    for todo in ("cls_token", "encoder_block", "body"):
        assert session.outcomes(f"vit.{todo}") == {"failure"}
        assert all("SyntaxError" in case.text for case in session.of(f"vit.{todo}").values())
    assert session.outcomes("vit.given") == {"skipped"}


# ---------------------------------------------------------------- beside other tests

OWN_TEST = """
import sys

def test_of_the_student():
    loaded = [name for name in ("torch", "numpy", "rich", "autograder.pool") if name in sys.modules]
    assert "autograder.pytest_plugin" in sys.modules
    assert loaded == []
"""


def test_other_tests_run_when_they_are_asked_for(handout: Path) -> None:
    solve(handout, "lstm")
    (handout / "test_own.py").write_text("def test_of_the_student():\n    pass\n", "utf-8")
    alone = run_pytest("--submission", "lstm.py", cwd=handout)
    both = run_pytest("--submission", "lstm.py", "test_own.py", cwd=handout)
    chosen = run_pytest("--submission", "lstm.py", "test_own.py", "-k", "h0_c0", cwd=handout)
    own = ("test_own", "test_of_the_student")
    assert alone.status == both.status == chosen.status == 0
    assert {owner for owner, _ in alone.cases} == {"lstm.h0_c0", "lstm.last_step"}
    assert both.cases.keys() == {*alone.cases, own}
    assert chosen.cases.keys() == {("lstm.h0_c0", name) for name in alone.of("lstm.h0_c0")}


def test_without_a_submission_the_plugin_costs_nothing(handout: Path) -> None:
    (handout / "test_own.py").write_text(OWN_TEST, "utf-8")
    session = run_pytest(cwd=handout)
    assert session.status == 0, session.output
    assert session.cases.keys() == {("test_own", "test_of_the_student")}
    assert "autograder:" not in session.output
