"""A notebook's globals are judged in their own process as a file is in a worker, and left as they were."""

import linecache
import random
import subprocess
import sys
import types
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from autograder import otter
from autograder.grade import grade_work
from autograder.own import recording
from autograder.pool import Job
from autograder.record import PUBLIC_SEED
from autograder.results import TodoResult
from autograder.submission import Work
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader, fill, todo

MISTAKES = sorted((REPOSITORY / "tests" / "mistakes").glob("*.py"))


@pytest.fixture(autouse=True)
def beside_the_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY / "assignments")


def globals_of(source: str) -> dict[str, Any]:
    """What a notebook holds after its cells were run."""
    env: dict[str, Any] = {"__name__": "the_notebook"}
    linecache.cache["/kernel/cell_1.py"] = (0, None, source.splitlines(keepends=True), "")
    exec(compile(source, "/kernel/cell_1.py", "exec"), env)
    return env


def in_place(name: str, source: str) -> Sequence[TodoResult]:
    return otter._judged_in_place(globals_of(source), name)


def in_a_worker(grader: Grader, name: str, source: str) -> Sequence[TodoResult]:
    """What a worker shows of it on a CPU: no notebook is executed again where there is a GPU."""
    job = Job(name, f"{name}.py", {f"{name}.py": source.encode()})
    work, assignment = Work(name, f"{name}.py", job), grader.assignments[name]
    reference, known = recording(grader.course, name)
    on_gpu = {check.id for check in assignment.checks if check.gpu}
    reference = {key: expected for key, expected in reference.items() if key[0] not in on_gpu}
    graded = grade_work(grader.warm, "", work, assignment, reference, PUBLIC_SEED, catalogue=known)
    return graded.todos


def said(todos: Sequence[TodoResult]) -> list[tuple[object, ...]]:
    """All that is said of them, but for where in the student's code an error was raised."""
    return [
        (
            replace(t, checks=()),
            [(c.id, c.passed, c.ran and c.message.partition("\n")[0]) for c in t.checks],
        )
        for t in todos
    ]


def check(env: dict[str, Any], id: str, name: str = "attention") -> str:
    """What a student is told by one test case; "" when it is passed."""
    try:
        otter.check(env, name, id, "en")
    except otter.Wrong as wrong:
        return str(wrong)
    return ""


# ---------------------------------------------------------------- the same as in a worker


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("kind", ["solution", "stub"])
def test_a_solution_and_a_stub_are_judged_as_in_a_worker(
    grader: Grader, name: str, kind: str
) -> None:
    source = grader.solution(name) if kind == "solution" else grader.stub(name)
    todos = in_place(name, source)
    assert said(todos) == said(in_a_worker(grader, name, source))
    full = sum(t.score for t in todos) == grader.assignments[name].points()
    assert full == (kind == "solution")


@pytest.mark.parametrize("path", MISTAKES[::12], ids=lambda path: path.stem)
def test_some_mistakes_are_judged_and_named_as_in_a_worker(grader: Grader, path: Path) -> None:
    same_as_in_a_worker(grader, path)


@pytest.mark.slow
@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_mistake_is_judged_and_named_as_in_a_worker(grader: Grader, path: Path) -> None:
    same_as_in_a_worker(grader, path)


def same_as_in_a_worker(grader: Grader, path: Path) -> None:
    name, source = path.stem.partition("-")[0], path.read_text("utf-8")
    assert said(in_place(name, source)) == said(in_a_worker(grader, name, source))


def test_a_right_mha_on_a_wrong_sdpa_keeps_its_points(grader: Grader) -> None:
    wrong = grader.solution("attention").replace(" / math.sqrt(Q.size(-1))", "")
    todos = in_place("attention", wrong)
    assert [(t.id, t.score, t.diagnosis, t.carried_from) for t in todos] == [
        ("sdpa", 0.0, ("unscaled",), ()),
        ("mha", 4.0, (), ("sdpa",)),
    ]


# ---------------------------------------------------------------- left as it was


def test_the_globals_are_the_same_after_a_check(grader: Grader) -> None:
    env = globals_of(grader.stub("attention") + "device = torch.device('cuda')\n")
    before = dict(env)
    otter._judged_in_place(env, "attention")
    assert list(env.items()) == list(before.items())


def state() -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "threads": torch.get_num_threads(),
        "precision": torch.get_float32_matmul_precision(),
        "print": torch._tensor_str.get_printoptions(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "numpy": np.geterr(),
        "filters": list(warnings.filters),
        "folder": Path.cwd(),
        "depth": sys.getrecursionlimit(),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
    }


def numbers() -> tuple[float, float, float]:
    return torch.rand((), dtype=torch.float64).item(), np.random.rand(), random.random()


def test_what_a_student_has_set_is_still_set_after_a_check(
    grader: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    depth, threads = sys.getrecursionlimit(), torch.get_num_threads()
    walks = "import os\n        os.chdir('/')\n        h0 = torch.zeros("
    env = globals_of(grader.solution("lstm").replace("h0 = torch.zeros(", walks))
    with warnings.catch_warnings(), np.errstate(divide="raise"):
        warnings.simplefilter("always")
        torch.set_default_dtype(torch.float16)
        torch.set_default_device("meta")
        torch.set_grad_enabled(False)
        torch.autograd.set_detect_anomaly(True)
        torch.set_num_threads(3)
        torch.set_float32_matmul_precision("medium")
        torch.set_printoptions(precision=2)
        torch.set_autocast_enabled("cpu", True)
        sys.setrecursionlimit(2345)
        torch.manual_seed(5), np.random.seed(5), random.seed(5)
        try:
            before = state()
            todos = otter._judged_in_place(env, "lstm")
            after = state()
            torch.set_default_device(None)
            found = numbers()
        finally:
            torch.set_default_device(None)
            torch.set_default_dtype(torch.float32)
            torch.set_grad_enabled(True)
            torch.autograd.set_detect_anomaly(False)
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision("highest")
            torch.set_printoptions(profile="default")
            torch.set_autocast_enabled("cpu", False)
            sys.setrecursionlimit(depth)
    assert after == before
    assert sum(t.score for t in todos) == 6
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    assert found == numbers()


# ---------------------------------------------------------------- what only a notebook has


def test_a_notebook_that_works_on_a_gpu_is_judged_on_the_cpu(grader: Grader) -> None:
    zeros = "torch.zeros(self.n_layer, x.size(0), self.hdim, dtype=x.dtype).to(device)"
    answer = f"h0 = {zeros}\nc0 = {zeros}"
    stub = fill(grader.stub("lstm"), h0_c0=answer, last_step="logits = self.lin(out[:, -1])")
    for device in ("torch.device('cuda')", "'cuda:0'"):
        todos = in_place("lstm", f"{stub}\ndevice = {device}\n")
        assert sum(t.score for t in todos) == 6


def test_a_class_under_an_older_name_is_found(grader: Grader) -> None:
    source = grader.solution("attention").replace("ScaledDotProductAttention", "SDPA")
    assert sum(t.score for t in in_place("attention", source)) == 8


def test_an_error_names_the_line_of_the_cell(grader: Grader) -> None:
    source = fill(grader.stub("attention"), sdpa="out = attention = Q @ K")
    (sdpa, _) = in_place("attention", source)
    assert "in cell_1.py, line 34: out = attention = Q @ K" in sdpa.checks[0].message


def test_the_stop_button_ends_a_check(grader: Grader) -> None:
    source = fill(grader.stub("attention"), sdpa="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        in_place("attention", source)


def test_a_class_that_comes_later_is_missed_in_a_sentence(grader: Grader) -> None:
    first = grader.solution("attention").partition("class MultiHeaded")[0]
    sdpa, mha = in_place("attention", first)
    assert (sdpa.score, mha.score) == (4, 0)
    assert mha.checks[0].message.startswith("attention.ipynb defines no MultiHeadedAttention")


# ---------------------------------------------------------------- what a test case says


def test_a_cell_that_is_run_again_is_judged_again(grader: Grader) -> None:
    stub, right = grader.stub("attention"), grader.solution("attention")
    sdpa, mha = (grader.assignments["attention"].todos[id] for id in ("sdpa", "mha"))
    env = globals_of(stub)
    said_of = {c.id: check(env, c.id) for c in sdpa}
    assert all(said_of.values())
    assert {said_of[c.id] for c in sdpa if not c.gpu} == {"Not attempted yet."}
    exec(right, env)
    assert [check(env, c.id) for c in [*sdpa, *mha, *sdpa]] == [""] * (2 * len(sdpa) + len(mha))
    exec(stub, env)
    assert check(env, mha[0].id) == "Not attempted yet."


def test_the_mistake_is_named_once_and_what_came_at_each_check(grader: Grader) -> None:
    env = globals_of(grader.solution("attention").replace(" / math.sqrt(Q.size(-1))", ""))
    checks = grader.assignments["attention"].todos["sdpa"]
    first, *others = (check(env, c.id) for c in checks)
    assert first.startswith("Your scores enter the softmax without the division by √d_K")
    assert "out[batch=1, query=1, feature=1] is 1.443; expected 0.5644." in first
    assert all("division" not in other for other in others)
    assert ["expected" in other for other in others] == [not c.gpu for c in checks[1:]]


def test_changed_code_that_was_given_is_said_where_something_is_wrong(grader: Grader) -> None:
    source = grader.solution("vit").replace("x = out + x", "x = out")
    changed = source.replace("similarity.softmax(dim=-1)", "similarity.softmax(dim=-2)")
    (id, *_) = (c.id for c in grader.assignments["vit"].todos["encoder_block"])
    given = todo(types.SimpleNamespace(todos=in_place("vit", changed)), "given")  # type: ignore[arg-type]
    assert given.feedback
    told = check(globals_of(changed), id, "vit")
    assert given.feedback[0].split("`")[0] in told


def test_a_message_holds_no_html(grader: Grader) -> None:
    source = fill(grader.stub("attention"), sdpa="raise ValueError('<script>alert(1)</script>')")
    told = check(globals_of(source), "weighs_values_by_scaled_similarity")
    assert "‹script>alert(1)‹/script>" in told


def test_a_grader_that_cannot_judge_is_not_a_wrong_answer(
    grader: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "attention.safetensors").write_bytes(b"damaged")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(otter.Broken, match=r"attention\.safetensors is damaged") as caught:
        otter.check(globals_of(grader.stub("attention")), "attention", "heads_heed_the_mask", "en")
    assert not isinstance(caught.value, Exception)


def test_a_fault_of_ours_is_not_a_wrong_answer(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("autograder.judge.judge", fail)
    with pytest.raises(otter.Broken, match="it is not your mistake"):
        check(globals_of(grader.stub("attention")), "heads_heed_the_mask")


def test_a_notebook_can_be_checked_where_no_process_can_be_forked(grader: Grader) -> None:
    script = f"""
import os, sys
sys.modules["resource"] = None
del os.fork
from autograder.otter import check
env = {{"__name__": "__main__"}}
exec(open({str(REPOSITORY / "solutions" / "lstm.py")!r}, encoding="utf-8").read(), env)
check(env, "lstm", "starts_from_zero_states", "en")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- where Otter grades


def test_a_submission_is_judged_whatever_its_name_with_the_modules_beside_it(
    grader: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, _ = grader.solution("attention").partition("class MultiHeaded")
    lines = "import helper\n" + first.replace("math.sqrt(Q.size(-1))", "helper.root(Q.size(-1))")
    cells = [nbformat.v4.new_code_cell(lines), nbformat.v4.new_code_cell("1 +")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "my homework (final).ipynb")
    (tmp_path / "helper.py").write_text("def root(x):\n    return x**0.5\n")
    (tmp_path / "__init__.py").write_text("")
    for path in (REPOSITORY / "assignments").glob("attention.*[sz]"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    env = {otter.SUBMISSION: str(tmp_path / "my homework (final).ipynb")}
    sdpa, mha = (grader.assignments["attention"].todos[id] for id in ("sdpa", "mha"))
    assert [check(env, c.id) for c in sdpa] == [""] * len(sdpa)
    told = check(env, mha[0].id)
    assert "attention.ipynb defines no MultiHeadedAttention" in told
    assert "attention.ipynb, cell 2 is left out" in told
