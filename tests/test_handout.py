"""`autograder handout` from outside: what a student gets, that it works alone, and what is not in it."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from autograder import results
from autograder.bundle import handout
from autograder.course import Course
from autograder.errors import UsageError
from autograder.stubs import regions
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader
from tests.test_otter import execute, filled, shown
from tests.test_settings import course  # noqa: F401  (a fixture)

Run = Callable[..., subprocess.CompletedProcess[str]]

MOST = 2_000_000  # bytes of recordings for one assignment


def make(run: Run, folder: Path, *arguments: str | Path) -> Path:
    """A hand-out, made from a folder that is no course."""
    out = folder / "week 5"
    done = run("handout", out, "--course", REPOSITORY, *arguments, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"wrote {out}")
    return out


@pytest.fixture(scope="module")
def english(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(run, tmp_path_factory.mktemp("english"))


@pytest.fixture(scope="module")
def korean(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip, and what is in it."""
    folder = tmp_path_factory.mktemp("korean")
    out = make(run, folder, "--lang", "ko", "--zip").with_suffix(".zip")
    with zipfile.ZipFile(out) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == {"week 5"}
        archive.extractall(folder)
    return folder / "week 5"


# ---------------------------------------------------------------- what is in it


def test_a_hand_out_holds_what_a_student_needs(english: Path, grader: Grader) -> None:
    names = {path.relative_to(english).as_posix() for path in english.rglob("*") if path.is_file()}
    [wheel] = [name for name in names if name.endswith(".whl")]
    per_assignment = ("{}.py", "{}.md", "toolkit/{}.safetensors", "toolkit/{}.mistakes.npz")
    per_assignment += ("notebooks/{}.ipynb",)
    todos = [todo for one in grader.assignments.values() for todo in one.todos if one.points(todo)]
    assert names == {
        *(name.format(assignment) for assignment in ASSIGNMENTS for name in per_assignment),
        *("README.md", "requirements.txt", "pytest.ini", ".gitignore", ".vscode/settings.json"),
        *(".github/workflows/classroom.yml", "toolkit/constraints.txt"),
        *("notebooks/requirements.txt", *(f"notebooks/tests/{todo}.py" for todo in todos)),
        wheel,
    }
    assert f"./{wheel}\n" in (english / "requirements.txt").read_text("utf-8")


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_recordings_of_an_assignment_are_small(english: Path, name: str) -> None:
    files = list((english / "toolkit").glob(f"{name}.*"))
    assert len(files) == 2
    assert sum(file.stat().st_size for file in files) < MOST


def test_a_korean_hand_out_is_korean(korean: Path) -> None:
    assert (korean / "README.md").read_text("utf-8").startswith("# 딥러닝 과제\n")
    for name in ASSIGNMENTS:
        stub = (REPOSITORY / "assignments" / "ko" / f"{name}.py").read_bytes()
        assert (korean / f"{name}.py").read_bytes() == stub
        text = (REPOSITORY / "assignments" / f"{name}.ko.md").read_bytes()
        assert (korean / f"{name}.md").read_bytes() == text


def test_both_readmes_show_the_same_commands() -> None:
    template = REPOSITORY / "student_template"
    english, korean = (
        re.findall(r"^\$ .*$", (template / name).read_text("utf-8"), re.M)
        for name in ("README.md", "README.ko.md")
    )
    assert english == korean
    assert len(english) == 8


# ---------------------------------------------------------------- and it works


def test_untouched_it_has_no_points_and_solved_it_has_all(
    run: Run, english: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(english, folder)
    untouched = run("check", cwd=folder)
    assert untouched.returncode == 1
    assert re.findall(r"^(\w+)  (\d+) of", untouched.stdout, re.M) == [
        (name, "0") for name in sorted(ASSIGNMENTS)
    ]
    for name in ASSIGNMENTS:
        shutil.copy(REPOSITORY / "solutions" / f"{name}.py", folder)
    solved = run("check", cwd=folder)
    assert solved.returncode == 0, solved.stdout
    # And from elsewhere, when the file is named.
    assert run("check", folder / "lstm.py", cwd="/").returncode == 0


def test_a_mistake_is_named_there_in_korean(run: Run, korean: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(korean, folder)
    shutil.copy(REPOSITORY / "tests" / "submissions" / "song_hyunwoo" / "attention.py", folder)
    done = run("check", "attention.py", cwd=folder)
    assert "attention  8점 중 4점" in done.stdout
    assert "√d_K로 나누지 않고" in done.stdout
    assert "4 of 8" in run("check", "attention.py", "--lang", "en", cwd=folder).stdout


def test_what_is_not_there_is_said_in_the_language_of_the_hand_out(run: Run, korean: Path) -> None:
    done = run("check", "nope.py", cwd=korean)
    assert done.returncode == 2
    assert "없습니다" in done.stderr


def test_plain_pytest_runs_the_checks(korean: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(korean, folder)
    shutil.copy(REPOSITORY / "solutions" / "lstm.py", folder)
    command = [Path(sys.executable).with_name("pytest"), "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "lstm/h0_c0" in done.stdout
    assert "10 passed" in done.stdout
    assert "FAILED attention/sdpa::weighs_values_by_scaled_similarity" in done.stdout
    assert "FAILED lstm" not in done.stdout
    assert "아직" in done.stdout  # not attempted yet, in Korean


@pytest.mark.parametrize("kind", ["untouched", "right"])
def test_a_notebook_of_the_hand_out_checks_itself(
    grader: Grader, korean: Path, tmp_path: Path, run: Run, kind: str
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(korean, folder)
    file = folder / "notebooks" / "lstm.ipynb"
    content = filled(file, grader.solution("lstm")) if kind == "right" else filled(file, "")
    content["cells"] = [cell for cell in content["cells"] if cell["id"] != "drawing"]
    notebook = execute(content, folder / "notebooks")
    for todo in ("h0_c0", "last_step"):
        said = shown(notebook, f"check-{todo}")
        passed, missing = "All test cases passed!" in said, "아직 풀지 않았습니다" in said
        assert (passed, missing) == (kind == "right", kind == "untouched"), said
    file.write_text(json.dumps(content), "utf-8")
    done = run("check", "notebooks/lstm.ipynb", cwd=folder)
    assert f"lstm  6점 중 {6 if kind == 'right' else 0}점" in done.stdout
    assert run("check", "lstm.ipynb", cwd=folder / "notebooks").stdout == done.stdout


def test_of_a_whole_hand_out_what_was_worked_on_is_graded(
    run: Run, english: Path, grader: Grader, tmp_path: Path
) -> None:
    folder = tmp_path / "class" / "minji"
    shutil.copytree(english, folder)
    file = folder / "notebooks" / "lstm.ipynb"
    file.write_text(json.dumps(filled(file, grader.solution("lstm"))), "utf-8")
    shutil.copy(REPOSITORY / "solutions" / "attention.py", folder)
    assert run("grade", "class", "-o", "out", cwd=tmp_path).returncode == 0
    graded = {r.assignment: r for r in results.load(tmp_path / "out" / "results.jsonl")}
    assert {name: (r.source, r.score) for name, r in graded.items()} == {
        "lstm": ("notebooks/lstm.ipynb", 6),
        "attention": ("attention.py", 8),
        "vit": ("vit.py", 0),
        "aae": ("aae.py", 0),
    }


# ---------------------------------------------------------------- no solution is in it


def contents(path: Path | io.BytesIO, name: str) -> Iterator[tuple[str, bytes]]:
    """Every file in a folder, and what is in its archives."""
    if isinstance(path, Path) and path.is_dir():
        for child in path.rglob("*"):
            if child.is_file():
                yield from contents(child, str(child.relative_to(path)))
        return
    data = path.read_bytes() if isinstance(path, Path) else path.getvalue()
    yield name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from contents(io.BytesIO(archive.read(member)), f"{name}/{member}")
    if name.endswith(".npy"):  # of a recording of mistakes
        yield f"{name} as an array", np.load(io.BytesIO(data), allow_pickle=False).tobytes()


def squeezed(line: str) -> str:
    """A line of code without what says nothing: its spaces, and a comment behind it."""
    return re.sub(r"\s+", "", line.partition("  #")[0])


# Lines that stand in the catalogue, and would in any program.
ANYWHERE = {
    "withtorch.no_grad():",
    "ifmaskisnotNone:",
    "dtype=torch.float32",
    "torch.manual_seed(0)",
}


def secret_lines(name: str) -> set[str]:
    """The lines of every solution region and of every edit in the catalogue that no stub holds."""
    solution = (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")
    lines = solution.splitlines()
    texts = ["\n".join(lines[r.start + 1 : r.end - 1]) for r in regions(solution, name)]
    catalogue = REPOSITORY / "solutions" / "variants" / f"{name}.toml"
    for variant in tomllib.loads(catalogue.read_text("utf-8"))["variant"]:
        for behaviour in variant["behaviour"]:
            texts.append(behaviour.get("region", ""))
            texts += [edit["put"] for edit in behaviour.get("edits", ())]
    stubs = [(REPOSITORY / "assignments" / f"{n}.py").read_text("utf-8") for n in ASSIGNMENTS]
    given = "\n".join(squeezed(line) for stub in stubs for line in stub.splitlines())
    found = {squeezed(line) for text in texts for line in text.splitlines()}
    return {line for line in found - ANYWHERE if len(line) >= 16 and line not in given}


def leaks(folder: Path) -> list[str]:
    """Where a line of a solution or of the catalogue occurs."""
    secrets = {line.encode(): name for name in ASSIGNMENTS for line in secret_lines(name)}
    found = []
    for name, data in contents(folder, folder.name):
        text = re.sub(rb"\s+", b"", data)
        found += [f"{name}: {line.decode()}" for line in secrets if line in text]
    return found


def test_no_line_of_a_solution_or_of_the_catalogue_is_in_it(english: Path, korean: Path) -> None:
    lines = [line for name in ASSIGNMENTS for line in secret_lines(name)]
    assert len(lines) > 500  # there is something to look for
    assert leaks(english) == []
    assert leaks(korean) == []


@pytest.mark.parametrize("place", ["README.md", "archive.zip", "recording.npz"])
def test_a_fragment_would_be_found(english: Path, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "leaking"
    shutil.copytree(english, folder)
    shown = squeezed(sorted(secret_lines("lstm"))[0])
    if place.endswith(".md"):
        (folder / place).write_text(f"text\n    {shown}\n")
    elif place.endswith(".zip"):
        with zipfile.ZipFile(folder / place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.txt", shown)
    else:
        about = np.frombuffer(json.dumps({"place": shown}).encode(), dtype=np.uint8)
        np.savez_compressed(folder / place, about=about)
    assert [leak for leak in leaks(folder) if place in leak]


# ---------------------------------------------------------------- what it refuses


def test_a_place_that_is_taken_is_refused(run: Run, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    for command, place, reason in [
        (["handout"], taken, "is not empty; remove it, or choose another place."),
        (["handout"], taken / "mine.txt", "exists already; remove it, or choose another place."),
        (["handout"], tmp_path / "no" / "where", "there is no folder"),
        (["gradescope"], tmp_path / "no" / "where.zip", "there is no folder"),
    ]:
        done = run(*command, place, "--course", REPOSITORY, cwd=tmp_path)
        assert done.returncode == 2
        assert re.fullmatch(r"autograder: [^\n]+\.\n", done.stderr)
        assert reason in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert (taken / "mine.txt").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write to")
def test_a_place_that_cannot_be_written_is_named_as_it_was_given(run: Run, tmp_path: Path) -> None:
    for command, place in (("handout", "/proc/week5"), ("gradescope", "/proc/week5.zip")):
        done = run(command, place, "--course", REPOSITORY, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        said = f"autograder: {place} could not be read or written: "
        assert re.fullmatch(rf"{re.escape(said)}[a-z ]+\.\n", done.stderr), done.stderr


def test_a_toolkit_without_its_source_says_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.bundle.SOURCE", tmp_path)
    with pytest.raises(UsageError, match="clone its repository, install it with 'pip install -e"):
        handout(Course.find(REPOSITORY), tmp_path / "out", None, packed=False)


def test_stale_files_are_not_handed_out(run: Run, course: Path) -> None:  # noqa: F811
    out = course.parent / "out"
    (course / "assignments" / "lstm.py").write_text("# old\n")
    done = run("handout", out, "--course", course, cwd=course)
    assert done.returncode == 2
    assert "lstm.py: not what the solutions say now; run 'autograder stubs' first." in done.stderr
    shutil.copy(REPOSITORY / "assignments" / "lstm.py", course / "assignments")
    (course / "course.toml").write_text("accept = ['attention.sdpa.unscaled']")
    done = run("gradescope", f"{out}.zip", "--course", course, cwd=course)
    assert done.returncode == 2
    assert "the recordings of attention are not current; run 'autograder record'" in done.stderr
    assert not out.exists()
    assert not Path(f"{out}.zip").exists()


def test_the_course_has_its_say_in_the_hand_out(run: Run, course: Path) -> None:  # noqa: F811
    (course / "course.toml").write_text("title = '심층학습'\nlanguage = 'ko'\nrequire_tier = 'A'\n")
    out = course.parent / "out"
    done = run("handout", out, "--course", course, cwd=course)
    assert done.returncode == 0, done.stderr
    assert (out / "README.md").read_text("utf-8").startswith("# 심층학습\n\n이 폴더의")
    settings = tomllib.loads((out / "toolkit" / "course.toml").read_text("utf-8"))
    assert settings == {"title": "심층학습", "language": "ko"}
    assert "lstm  6점 중 0점" in run("check", "lstm.py", cwd=out).stdout


# ---------------------------------------------------------------- as a new user


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_new_user_follows_the_readme(
    request: pytest.FixtureRequest, tmp_path: Path, language: str
) -> None:
    """Every command of the README as it stands there, in a shell, without the repository."""
    folder = tmp_path / "과제 5"
    shutil.copytree(request.getfixturevalue({"en": "english", "ko": "korean"}[language]), folder)
    readme = (folder / "README.md").read_text("utf-8")
    commands = re.findall(r"^\$ (.*)$", readme, re.M)
    script = "\n".join(f'{c}\necho "[$?]"' for c in commands)
    python = Path(sys.executable).resolve().parent  # python3 of the same version, and no toolkit
    environment = {"PATH": f"{python}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment | {"PIP_RETRIES": "0"} | pip_settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    statuses = re.findall(r"^\[(\d+)\]$", done.stdout, re.M)
    assert statuses == ["0", "0", "0", "1", "1", "1", "0", "1"], done.stdout + done.stderr
    zero = {"en": "lstm  0 of 6 points", "ko": "lstm  6점 중 0점"}[language]
    assert done.stdout.count(zero) == 3
    assert "61 failed" in done.stdout
    for name in ASSIGNMENTS:
        shutil.copy(REPOSITORY / "solutions" / f"{name}.py", folder)
    offline = ["unshare", "--net", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*offline, "true"], check=False).returncode:
        offline = []  # not here
    solved = subprocess.run(
        [*offline, ".venv/bin/autograder", "check"], cwd=folder, env=environment, check=False
    )
    assert solved.returncode == 0
    for name in ASSIGNMENTS:
        file = folder / "notebooks" / f"{name}.ipynb"
        answer = (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")
        file.write_text(json.dumps(filled(file, answer)), "utf-8")
        words = [".venv/bin/python", "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout"]
        if offline and shutil.which("ip"):  # a kernel is spoken to over the loopback
            words = [*offline, "sh", "-c", 'ip link set lo up; exec "$@"', "", *words]
        executed = subprocess.run(
            [*words, file],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert executed.returncode == 0, executed.stderr
        assert executed.stdout.count("All test cases passed!") == TODOS[name]
        assert "image/png" in executed.stdout


TODOS = {"lstm": 2, "attention": 2, "vit": 3, "aae": 7}


def pip_settings() -> dict[str, str]:
    """Where this machine's pip finds packages, if it was told so."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
