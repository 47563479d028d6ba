"""What is generated (stubs, points tables, recordings) is current, complete, and holds no answer."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.errors import CourseError
from autograder.stubs import regions
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader

Run = Callable[..., subprocess.CompletedProcess[str]]

LANGUAGES = ("en", "ko")
REGION = re.compile(r"^ *# BEGIN SOLUTION (\w+).*\n((?:.*\n)*?) *# END SOLUTION$", re.M)


def solution(name: str) -> str:
    return (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")


def stub(name: str) -> str:
    return (REPOSITORY / "assignments" / f"{name}.py").read_text("utf-8")


def todo_ids(name: str) -> list[str]:
    return [id for id, _ in REGION.findall(solution(name))]


# ---------------------------------------------------------------- current in the repository


@pytest.mark.parametrize("command", ["stubs", "record"])
def test_what_is_generated_is_current(run: Run, tmp_path: Path, command: str) -> None:
    process = run(command, "--check", cwd=tmp_path)
    assert (process.returncode, process.stderr) == (0, "")
    assert re.fullmatch(r"\d+ files are current\.\n", process.stdout)


def test_there_is_a_stub_a_recording_and_a_text_for_every_solution() -> None:
    solutions = {path.stem for path in (REPOSITORY / "solutions").glob("*.py")}
    assert solutions == set(ASSIGNMENTS)
    files = {path.name for path in (REPOSITORY / "assignments").iterdir() if path.is_file()}
    endings = (
        ".py",
        ".safetensors",
        ".mistakes.npz",
        *(f".{language}.md" for language in LANGUAGES),
    )
    assert files == {name + ending for name in ASSIGNMENTS for ending in endings}


# ---------------------------------------------------------------- seen to fail


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course's own files; the engine stays the one that is installed."""
    folder = tmp_path / "course"
    for part in ("assignments", "solutions", "autograder/checks"):
        no_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, folder / part, ignore=no_caches)
    return folder


def keep_only(course: Path, *names: str) -> None:
    """Leave out the other assignments, which would only take time."""
    for path in [*(course / "solutions").glob("*.py"), *(course / "autograder/checks").iterdir()]:
        if path.stem not in (*names, "__init__"):
            path.unlink()


def edit(path: Path, old: str, new: str) -> None:
    source = path.read_text("utf-8")
    assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {path}"
    path.write_text(source.replace(old, new), "utf-8")


def contents(course: Path) -> dict[Path, bytes]:
    files = [path for path in course.rglob("*") if path.is_file()]
    return {path: path.read_bytes() for path in files if "__pycache__" not in path.parts}


def assert_refuses(process: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 2, one sentence, and these words in it."""
    assert process.returncode == 2, process.stderr
    assert re.fullmatch(r"autograder: [^\n]+\.\n", process.stderr), process.stderr
    for word in words:
        assert word in process.stderr, process.stderr


def test_stale_stubs_and_tables_are_named_and_written_again(run: Run, course: Path) -> None:
    """And the check itself writes nothing."""
    before = contents(course)
    edit(course / "assignments" / "lstm.py", "import torch\n", "import torch  # edited\n")
    edit(course / "assignments" / "attention.ko.md", "| `mha` | 4 |", "| `mha` | 5 |")
    (course / "assignments" / "vit.py").unlink()
    stale = contents(course)
    process = run("stubs", "--check", "--course", course, cwd=course)
    assert_refuses(process, "lstm.py", "attention.ko.md", "vit.py", "run 'autograder stubs'")
    assert "aae" not in process.stderr
    assert contents(course) == stale
    process = run("stubs", "--course", course, cwd=course)
    assert process.returncode == 0
    assert sorted(re.findall(r"^wrote .*/([\w.]+)$", process.stdout, re.M)) == [
        "attention.ko.md",
        "lstm.py",
        "vit.py",
    ]
    assert contents(course) == before


def test_stale_recordings_are_named_with_what_differs(run: Run, course: Path) -> None:
    """One is missing, one was recorded with other checks, and one solution shows other values."""
    shutil.rmtree(course / "solutions" / "variants")  # its edits would not fit
    before = contents(course)
    (course / "assignments" / "lstm.safetensors").unlink()
    with (course / "autograder" / "checks" / "vit.py").open("a") as checks:
        checks.write("\n# A remark.\n")
    edit(course / "solutions" / "attention.py", " / math.sqrt(Q.size(-1))", "")
    stale = contents(course)
    process = run("record", "--check", "--course", course, cwd=course)
    assert_refuses(
        process,
        *("lstm.safetensors", "vit.safetensors", "attention.safetensors"),
        "run 'autograder record'",
    )
    assert "aae.safetensors" not in process.stderr
    reasons = dict(re.findall(r"^.*/(\w+)\.safetensors: (.*)$", process.stdout, re.M))
    assert reasons["lstm"] == "it is missing"
    assert "other checks" in reasons["vit"]
    number = r"-?\d[\d.e-]*"
    value = rf"\w+: .+\[batch=\d+, query=\d+, \w+=\d+\] is {number}; expected {number}\."
    assert re.match(value, reasons["attention"])
    assert contents(course) == stale
    process = run("record", "--course", course, cwd=course)
    assert process.returncode == 0
    wrote = re.findall(r"^wrote .*/(\w+)\.safetensors$", process.stdout, re.M)
    assert sorted(wrote) == ["attention", "lstm", "vit"]
    assert {path.name for path in contents(course)} == {path.name for path in before}


@dataclass(frozen=True)
class Broken:
    """A replacement in lstm.py's solution, and what the sentence about it must hold."""

    pattern: str
    new: str
    words: tuple[str, ...]

    def apply(self, source: str) -> str:
        broken, count = re.subn(self.pattern, self.new, source, flags=re.M)
        assert count
        return broken


def line_of(text: str) -> int:
    return next(n for n, line in enumerate(solution("lstm").splitlines(), 1) if text in line)


LINE = line_of("# BEGIN SOLUTION last_step")
BROKEN = {
    "begin_without_end": Broken(
        r"^ *# END SOLUTION\n(?= *return logits)",
        "",
        (f"lstm.py, line {LINE}", "BEGIN SOLUTION without an END"),
    ),
    "other_ids": Broken(
        "(BEGIN SOLUTION|TODO) last_step",
        r"\1 lost_step",
        ("lstm.py", "h0_c0, lost_step", "h0_c0, last_step", "must be the same"),
    ),
}
BROKEN_IN_ITSELF = {
    "end_without_begin": Broken(
        r"^ *# BEGIN SOLUTION last_step\n",
        "",
        (f"line {line_of('return logits') - 2}", "END SOLUTION without a BEGIN"),
    ),
    "begin_inside": Broken(
        r"^( *# BEGIN SOLUTION last_step\n)",
        r"\1\1",
        (f"line {LINE + 1}", "a region begins inside a region"),
    ),
    "no_todo_comment": Broken(
        "# TODO last_step:",
        "# Now:",
        (f"line {LINE}", "write '# TODO last_step: …' above the region"),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_solution_with_broken_markers_is_refused_and_nothing_is_written(
    run: Run, course: Path, name: str
) -> None:
    keep_only(course, "lstm")
    path = course / "solutions" / "lstm.py"
    path.write_text(BROKEN[name].apply(path.read_text("utf-8")), "utf-8")
    before = contents(course)
    process = run("stubs", "--course", course, cwd=course)
    assert process.stdout == ""
    assert_refuses(process, *BROKEN[name].words)
    assert contents(course) == before


@pytest.mark.parametrize("name", BROKEN_IN_ITSELF)
def test_a_broken_marker_is_named_with_its_line(name: str) -> None:
    broken = BROKEN_IN_ITSELF[name]
    with pytest.raises(CourseError) as error:
        regions(broken.apply(solution("lstm")), "lstm.py")
    for word in ("lstm.py", *broken.words):
        assert word in str(error.value)


def test_a_folder_that_is_no_course_is_refused(run: Run, tmp_path: Path) -> None:
    process = run("stubs", "--check", "--course", tmp_path, cwd=tmp_path)
    assert_refuses(process, "is not a course: it has no solutions/ folder", "--course")


def test_a_solution_that_raises_is_the_courses_fault(run: Run, course: Path) -> None:
    keep_only(course, "lstm")
    edit(course / "solutions" / "lstm.py", "last = out[:, -1]", "last = out[:, 99]")
    process = run("record", "--check", "--course", course, cwd=course)
    assert_refuses(process, "the solution of lstm fails its own check")


# ---------------------------------------------------------------- the stubs


def test_every_stub_can_be_imported_and_says_which_todo_is_open() -> None:
    """In a fresh Python: each TODO that is reached raises NotImplementedError with its id."""
    program = """
import aae, attention, lstm, torch, vit

def says(call):
    try:
        call()
    except NotImplementedError as error:
        print(error)
    else:
        print("nothing")

x = torch.ones(2, 3, 4)
says(lambda: lstm.LSTMClassifier(4, 5, 6, 1)(x))
says(lambda: attention.ScaledDotProductAttention()(x, x, x))
says(lambda: attention.MultiHeadedAttention(4, 2)(x, x, x))
says(lambda: vit.ImageEmbedding(3, 4, 2, 6)(torch.ones(2, 3, 4, 4)))
says(lambda: vit.EncoderBlock(4, 2)(x))
says(lambda: vit.VisionTransformer(3, 4, 2, 6, 1, 2, 4, 0.0, 5)(torch.ones(2, 3, 4, 4)))
for model in (aae.Encoder(3), aae.Decoder(3), aae.Discriminator(3)):
    print(sum(type(layer).__name__ == "Identity" for layer in model.model))
"""
    process = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=REPOSITORY / "assignments",
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.stderr == ""
    lines = process.stdout.splitlines()
    ids = ("h0_c0", "sdpa", "mha", "cls_token", "encoder_block", "body")
    for line, id in zip(lines[:6], ids, strict=True):
        assert line.startswith(f"TODO {id}: ")
    assert lines[6:] == ["3", "1", "3"]


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_stub_is_its_solution_without_the_regions(name: str) -> None:
    """Compiles, keeps every line that is given, and has one placeholder for each TODO."""
    ast.parse(stub(name))
    given = REGION.sub("", solution(name)).splitlines()
    rest = iter(stub(name).splitlines())
    assert all(line in rest for line in given if line.strip())  # all of them, in this order
    assert "SOLUTION" not in stub(name)
    placeholder = r'NotImplementedError\(\s*"TODO (\w+): |nn\.Identity\(\),  # TODO (\w+)$'
    placeholders = [a or b for a, b in re.findall(placeholder, stub(name), re.M)]
    assert placeholders == todo_ids(name)


def answers(name: str) -> set[str]:
    """The lines that stand in a solution's regions and nowhere else in it.

    What the given code shows anyway is no secret; short lines, and conditions like
    `if mask is not None:`, tell nothing.
    """
    source = solution(name)
    lines = {line.strip() for _, region in REGION.findall(source) for line in region.splitlines()}
    given = {line.strip() for line in REGION.sub("", source).splitlines()}
    return {line for line in lines - given if len(line) > 12 and not line.endswith(":")}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_no_line_of_an_answer_is_handed_out(name: str) -> None:
    """Not in a stub or handout text, nor in the package, which students install."""
    assert len(answers(name)) >= 3
    folders = (REPOSITORY / "assignments", REPOSITORY / "student_template")
    handed_out = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    handed_out += (REPOSITORY / "autograder").rglob("*.py")
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in handed_out}
    assert len(texts) > 30
    found = [
        f"{path.relative_to(REPOSITORY)}: {line}"
        for path, text in texts.items()
        for line in answers(name)
        if line in text
    ]
    assert found == []


# ---------------------------------------------------------------- the handout texts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_handout_text_states_every_todo_with_its_points(
    grader: Grader, name: str, language: str
) -> None:
    text = (REPOSITORY / "assignments" / f"{name}.{language}.md").read_text("utf-8")
    [table] = re.findall(r"<!-- points -->\n(.*?)<!-- end of points -->", text, re.S)
    rows = re.findall(r"^\| (?:`|\*\*)(\w+)(?:`|\*\*) \| \**([\d.]+)\** \|$", table, re.M)
    *todos, (together, total) = rows
    assignment = grader.assignments[name]
    assert [id for id, _ in todos] == todo_ids(name)
    assert {id: float(points) for id, points in todos} == {
        id: assignment.points(id) for id in todo_ids(name)
    }
    assert together == {"en": "together", "ko": "합계"}[language]
    assert float(total) == assignment.points() == sum(float(points) for _, points in todos)
    before_the_table = text.partition("<!-- points -->")[0]
    for id in todo_ids(name):
        assert f"\n- `{id}`" in before_the_table


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_both_languages_tell_the_same_commands_and_names(name: str) -> None:
    """Code is not translated: what stands in backticks as a name of the stub stands in both."""
    english, korean = (
        (REPOSITORY / "assignments" / f"{name}.{language}.md").read_text("utf-8")
        for language in LANGUAGES
    )
    for command in ("autograder check", f"autograder check {name}.py"):
        assert re.search(rf"^{re.escape(command)} +#", english, re.M)
        assert re.search(rf"^{re.escape(command)} +#", korean, re.M)
    names = [
        {n for n in re.findall(r"`(\w+)`", text) if n in stub(name)} for text in (english, korean)
    ]
    assert names[0] == names[1]
    assert set(todo_ids(name)) <= names[0]
