"""Notebooks and the real otter-grader: its marks are those of `autograder grade` on the same notebook."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from autograder import results
from autograder.course import Course
from autograder.errors import CourseError
from autograder.notebooks import Parts, split, student
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader

Run = Callable[..., CompletedProcess[str]]
Bundle = Callable[[str], Path]

BIN = Path(sys.executable).parent
LANGUAGES = ("en", "ko")
# A mistake in one TODO; what builds on it is right.
WRONG = {
    "lstm": ("last = out[:, -1]", "last = out[:, 0]"),
    "attention": (" / math.sqrt(Q.size(-1))", ""),
    "vit": ("x = out + x", "x = out"),
    "aae": ("nn.Linear(512, 1024)", "nn.Linear(512, 1024, bias=False)"),
}
# Otter runs a notebook and its tests in one process. None of this may reach the tests.
HOSTILE = """
import os
import otter.test_files.exception_test as tests

tests.ExceptionTestFile.run = lambda self, env: None
os._exit(0)
"""


@pytest.fixture(scope="session")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """What `autograder otter` writes in a language; once for all tests."""
    folders: dict[str, Path] = {}

    def write(language: str) -> Path:
        if language not in folders:
            folder = tmp_path_factory.mktemp("otter")
            done = run("otter", "out", "--lang", language, cwd=folder)
            assert (done.returncode, done.stderr) == (0, "")
            folders[language] = folder / "out"
        return folders[language]

    return write


def otter(*words: str | Path, cwd: Path) -> CompletedProcess[str]:
    return subprocess.run(
        [BIN / "otter", *words],
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def filled(notebook: Path, answer: str) -> dict[str, Any]:
    """A student's notebook, with the classes of a module in its cells."""
    content: dict[str, Any] = json.loads(notebook.read_text("utf-8"))
    answers = {code.name: code.source for code in split(answer)}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            name = next(iter(re.findall(r"^class (\w+)", "".join(cell["source"]), re.M)), "")
            cell["source"] = answers.get(name, cell["source"])
    return content


def answer(grader: Grader, name: str, kind: str) -> str:
    solution = grader.solution(name)
    wrong = solution.replace(*WRONG[name])
    assert wrong != solution
    return {"right": solution, "wrong": wrong, "untouched": grader.stub(name)}[kind]


def hand_in(
    grader: Grader, notebook: Path, name: str, kind: str, file: Path, *, hostile: bool = False
) -> None:
    """Write a notebook as a student hands it in; at will with code that attacks what runs it."""
    content = filled(notebook, answer(grader, name, kind))
    if hostile:
        cell = nbformat.v4.new_code_cell(HOSTILE, id="hostile")
        content["cells"] = [*content["cells"], cell]
    file.write_text(json.dumps(content), "utf-8")


def marks_of_otter(zipped: Path, submission: Path, out: Path) -> dict[str, float]:
    """The score of each TODO by `otter run`, from its results.json."""
    out.mkdir()
    done = otter("run", "-a", zipped, "-o", out, submission, cwd=out)
    assert done.returncode == 0, done.stderr
    tests = json.loads((out / "results.json").read_text("utf-8"))["tests"]
    return {test["name"]: test["score"] for test in tests if "score" in test}


def marks_of_grade(run: Run, folder: Path, out: Path) -> dict[str, dict[str, float]]:
    """The score of each TODO of each submission by `autograder grade`, at a seed of its own."""
    done = run("grade", folder, "-o", out, "--seed", "5", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return {
        result.submission: {todo.id: todo.score for todo in result.todos if todo.max_score}
        for result in results.load(out / "results.jsonl")
    }


def execute(content: dict[str, Any], folder: Path) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom, in a kernel, on one core."""
    notebook = nbformat.reads(json.dumps(content), as_version=4)
    client = NotebookClient(
        notebook, timeout=300, allow_errors=True, resources={"metadata": {"path": folder}}
    )
    client.execute(env={**os.environ, "OMP_NUM_THREADS": "1"})
    return notebook


def shown(notebook: nbformat.NotebookNode, id: str) -> str:
    """What is shown below a cell."""
    cell = next(cell for cell in notebook.cells if cell.id == id)
    return "\n".join(
        output.get("data", {}).get("text/plain", "")
        or output.get("evalue", "")
        or output.get("text", "").strip()
        for output in cell.outputs
    )


# ---------------------------------------------------------------- what is written


@pytest.mark.parametrize("language", ["en", pytest.param("ko", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_notebook_holds_the_stub_and_the_handout_and_is_valid(
    bundle: Bundle, name: str, language: str
) -> None:
    path = bundle(language) / "student" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    folder = REPOSITORY / "assignments" / ("" if language == "en" else language)
    stub = ast.parse((folder / f"{name}.py").read_text("utf-8"))
    classes = [cell.source for cell in notebook.cells if re.search("^class ", cell.source, re.M)]
    kept = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    assert list(map(ast.dump, kept)) == [ast.dump(ast.parse(text).body[0]) for text in classes]
    assert all(
        ast.unparse(node) in "\n".join(c.source for c in notebook.cells)
        for node in stub.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    handout = (REPOSITORY / "assignments" / f"{name}.{language}.md").read_text("utf-8")
    assert notebook.cells[0].source.startswith(handout.partition("\n")[0])
    formula = handout[handout.index("$$") : handout.index("$$", handout.index("$$") + 2)]
    assert any(formula in cell.source for cell in notebook.cells)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_each_todo_is_checked_behind_its_class(bundle: Bundle, grader: Grader, name: str) -> None:
    notebook = nbformat.read(bundle("en") / "student" / f"{name}.ipynb", as_version=4)
    order = []
    for cell in notebook.cells:
        order += re.findall(r"# TODO (\w+): |grader\.check\(\"(\w+)\"\)", cell.source)
    todos = [todo for todo, _ in order if todo]
    assert sorted(todos) == sorted(grader.assignments[name].todos.keys() - {"given"})
    for todo in todos:
        assert order.index((todo, "")) < order.index(("", todo))


def test_the_same_course_gives_the_same_notebooks(bundle: Bundle, run: Run, tmp_path: Path) -> None:
    assert run("otter", "again", "--lang", "en", cwd=tmp_path).returncode == 0
    for folder in ("student", "master"):
        for path in (bundle("en") / folder).rglob("*.*"):
            again = tmp_path / "again" / path.relative_to(bundle("en"))
            assert path.read_bytes() == again.read_bytes()


def test_nothing_that_students_get_holds_a_solution(bundle: Bundle, grader: Grader) -> None:
    folder = bundle("en") / "student"
    tests = sorted((folder / "tests").glob("*.py"))
    assert len(tests) == 14
    for name in ASSIGNMENTS:
        paths = [folder / f"{name}.ipynb", *tests]
        texts = {path: path.read_text("utf-8") for path in paths}
        regions = re.findall(r"# BEGIN SOLUTION.*\n((?:.*\n)*?) *# END", grader.solution(name))
        stub = {line.strip() for line in grader.stub(name).splitlines()}
        lines = {line.strip() for region in regions for line in region.splitlines()} - stub
        secret = {json.dumps(line)[1:-1] for line in lines if len(line) > 4}
        master = (bundle("en") / "master" / f"{name}.ipynb").read_text("utf-8")
        assert secret and all(line in master for line in secret)
        for line in secret:
            assert [path.name for path, text in texts.items() if line in text] == []


def test_points_stand_at_the_test_cases(bundle: Bundle, grader: Grader) -> None:
    for name in ASSIGNMENTS:
        for todo, checks in grader.assignments[name].todos.items():
            if todo != "given":
                text = (bundle("en") / name / "tests" / f"{todo}.py").read_text("ascii")
                points = [float(p) for p in re.findall(r"points=([\d.]+)\)", text)]
                assert points == [check.points for check in checks]


def test_a_notebook_needs_a_handout_text_and_no_drawing(grader: Grader, tmp_path: Path) -> None:
    for part in ("assignments", "solutions"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    shutil.rmtree(tmp_path / "solutions" / "drawings")
    course, assignment = Course(tmp_path), grader.assignments["lstm"]
    cells = json.loads(student(Parts.of(course, assignment, "en")))["cells"]
    assert [cell["id"] for cell in cells[-2:]] == ["check-last_step", "grading"]
    (tmp_path / "assignments" / "lstm.en.md").unlink()
    with pytest.raises(CourseError, match=r"lstm\.en\.md is missing; a notebook begins with it\."):
        Parts.of(course, assignment, "en")


@pytest.mark.parametrize("what", ["a file", "stale recordings"])
def test_what_cannot_work_is_said_in_a_sentence(run: Run, tmp_path: Path, what: str) -> None:
    (tmp_path / "out").write_text("")
    if what == "a file":
        done = run("otter", "out", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (2, "autograder: out is a file; give a folder.\n")
    else:
        for part in ("assignments", "solutions", "autograder/checks"):
            shutil.copytree(REPOSITORY / part, tmp_path / "course" / part)
        solution = tmp_path / "course" / "solutions" / "aae.py"
        solution.write_text(solution.read_text("utf-8").replace("An adversarial", "This"), "utf-8")
        done = run("otter", "bundle", "--course", "course", cwd=tmp_path)
        assert done.returncode == 2
        assert re.search(r"aae\.mistakes\.npz is not current; run 'autograder record'", done.stderr)


# ---------------------------------------------------------------- the real Otter, and the same marks


def test_otter_run_gives_the_marks_of_grade_and_runs_no_cell_of_a_student(
    bundle: Bundle, grader: Grader, run: Run, tmp_path: Path
) -> None:
    zipped, notebook = bundle("en") / "attention.zip", bundle("en") / "student" / "attention.ipynb"
    submission = tmp_path / "class" / "attention.ipynb"
    submission.parent.mkdir()
    hand_in(grader, notebook, "attention", "wrong", submission, hostile=True)
    marks = marks_of_otter(zipped, submission, tmp_path / "out")
    assert marks == {"sdpa": 0.0, "mha": 4.0}
    assert marks_of_grade(run, submission.parent, tmp_path / "graded") == {"attention": marks}
    output = (tmp_path / "out" / "results.json").read_text("utf-8")
    assert "without the division by" in output


def test_otter_assign_makes_the_same_notebook_and_passes_its_own_tests(
    bundle: Bundle, tmp_path: Path
) -> None:
    made_by_otter(bundle("en"), "lstm", tmp_path)


def made_by_otter(bundle: Path, name: str, folder: Path) -> None:
    """Run `otter assign`, which fails unless the solution gets full marks in `otter run`."""
    done = otter("assign", "-v", bundle / "master" / f"{name}.ipynb", "dist", cwd=folder)
    assert (done.returncode, "All autograder tests passed." in done.stderr) == (0, True), (
        done.stderr
    )
    made = nbformat.read(folder / "dist" / "student" / f"{name}.ipynb", as_version=4)
    own = nbformat.read(bundle / "student" / f"{name}.ipynb", as_version=4)
    for kind in ("code", "markdown"):
        texts = [[c.source for c in nb.cells if c.cell_type == kind] for nb in (own, made)]
        if kind == "code":  # each starts Otter in its own way
            own_start, made_start = (
                next(text for text in cells if "otter.Notebook(" in text) for cells in texts
            )
            texts[0].remove(own_start)
            texts[1].remove(made_start)
        assert texts[0] == texts[1]


def test_a_check_in_a_notebook_says_what_is_wrong(
    bundle: Bundle, grader: Grader, tmp_path: Path
) -> None:
    folder = bundle("en") / "student"
    content = filled(folder / "attention.ipynb", answer(grader, "attention", "wrong"))
    content["cells"] = [c for c in content["cells"] if c["id"] != "drawing"]
    notebook = execute(content, folder)
    assert "Your scores enter the softmax without the division by √d_K" in shown(
        notebook, "check-sdpa"
    )
    not_run, passed = shown(notebook, "check-mha").split("\n", 1)
    assert not_run.startswith("Not run, and it costs nothing: On a GPU")
    assert passed == "mha results: All test cases passed!"


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_notebook_gets_the_same_marks_everywhere(
    bundle: Bundle, grader: Grader, run: Run, tmp_path: Path, name: str
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    made_by_otter(bundle("en"), name, made)
    (zipped,) = (made / "dist" / "autograder").glob("*.zip")
    submissions = tmp_path / "class"
    by_otter = {}
    for kind in ("right", "wrong", "untouched"):
        file = submissions / kind / f"{name}.ipynb"
        file.parent.mkdir(parents=True)
        hand_in(grader, bundle("en") / "student" / file.name, name, kind, file)
        by_otter[kind] = marks_of_otter(bundle("en") / f"{name}.zip", file, tmp_path / kind)
        assert marks_of_otter(zipped, file, tmp_path / f"{kind} by assign") == by_otter[kind]
    by_grade = marks_of_grade(run, submissions, tmp_path / "graded")
    assert by_grade == by_otter
    assert sum(by_otter["right"].values()) == grader.assignments[name].points()
    assert 0 < sum(by_otter["wrong"].values()) < grader.assignments[name].points()
    assert sum(by_otter["untouched"].values()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_notebook_runs_to_its_picture(
    bundle: Bundle, grader: Grader, tmp_path: Path, name: str
) -> None:
    folder = bundle("ko") / "student"
    notebook = execute(filled(folder / f"{name}.ipynb", grader.solution(name)), folder)
    assert [
        cell.id
        for cell in notebook.cells
        for o in cell.get("outputs", [])
        if o.output_type == "error"
    ] == []
    for cell in notebook.cells:
        if cell.id.startswith("check-"):
            assert shown(notebook, cell.id).endswith("All test cases passed!")
    assert "image/png" in str(notebook.cells[-2].outputs[-1].get("data", {}).keys())


@pytest.mark.slow
def test_a_grader_that_breaks_gives_no_mark_that_looks_like_one(
    bundle: Bundle, grader: Grader, tmp_path: Path
) -> None:
    folder = tmp_path / "lstm"
    (folder / "tests").mkdir(parents=True)
    for file in ("otter_config.json", "tests/h0_c0.py", "tests/last_step.py"):
        (folder / file).write_bytes((bundle("en") / "lstm" / file).read_bytes())
    (folder / "lstm.safetensors").write_bytes(b"damaged")
    done = otter("generate", "-t", "tests", "-o", "lstm.zip", "lstm.safetensors", cwd=folder)
    assert done.returncode == 0, done.stderr
    hand_in(
        grader, bundle("en") / "student" / "lstm.ipynb", "lstm", "right", tmp_path / "lstm.ipynb"
    )
    assert marks_of_otter(folder / "lstm.zip", tmp_path / "lstm.ipynb", tmp_path / "out") == {}
    assert "Autograder Failed" in (tmp_path / "out" / "results.json").read_text("utf-8")
