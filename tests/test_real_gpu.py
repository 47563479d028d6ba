"""Checks on a real GPU: who chooses it, what is opened for it, and that it is graded as a simulated one.

What needs the GPU itself runs with `make test-gpu` only. Elsewhere a worker is given a pretended one.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from autograder import device, lockdown, results, warm
from autograder.course import Course
from autograder.errors import UsageError
from autograder.pool import Job, Warm
from autograder.results import REAL, SIMULATED
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader, scores, todo
from tests.test_devices import (
    HEADS,
    HIDDEN,
    JOINED,
    MISTAKES,
    NOTES,
    SCORES,
    SIZES,
    WEIGHED,
    gpu_checks,
    indented,
    not_run,
    with_top,
)
from tests.test_todos import solved

THERE = bool(list(Path("/dev").glob("nvidia[0-9]*")))
without_gpu = pytest.mark.skipif(THERE, reason="this machine has a GPU")


@pytest.fixture(scope="module")
def real() -> Iterator[Grader]:
    """Grades on a real GPU, or on one that pretends to be."""
    course = Course.find(REPOSITORY)
    with Warm(course.check_files, preload=["nbformat", "tests.pretended_gpu"]) as one_warm:
        one_warm.device = REAL
        one = Grader(one_warm)
        yield one
        one.close()


# --------------------------------------------------------------------------------- who chooses


@without_gpu
@pytest.mark.parametrize("command", [("grade", "class", "-o", "out"), ("check", "class/lstm.py")])
def test_a_real_gpu_that_is_not_there_is_refused_in_a_sentence(
    run: Callable[..., CompletedProcess[str]],
    grader: Grader,
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "lstm.py").write_text(grader.solution("lstm"), "utf-8")
    done = run(*command, "--device", "real", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "autograder: no GPU can be used here (this machine has no NVIDIA GPU, or no driver for it); "
        "leave out --device real to simulate one.\n"
    )


@without_gpu
@pytest.mark.parametrize("arguments", [(), ("--device", "auto"), ("--device", "simulated")])
def test_where_there_is_none_it_is_simulated_and_the_results_say_so(
    run: Callable[..., CompletedProcess[str]],
    grader: Grader,
    tmp_path: Path,
    arguments: tuple[str, ...],
) -> None:
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "lstm.py").write_text(grader.solution("lstm"), "utf-8")
    done = run("grade", "class", "-o", "out", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    line = json.loads((tmp_path / "out" / "results.jsonl").read_text("utf-8"))
    assert (line["device"], line["score"]) == ("simulated", 6)


@without_gpu
def test_make_test_gpu_says_that_it_did_not_run() -> None:
    command = ["make", "-s", "-o", ".venv/.ready", "test-gpu", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Not run: there is no GPU here that this torch can use.\n"


def test_another_word_is_no_device(
    run: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    done = run("check", "--device", "cuda", cwd=tmp_path)
    assert done.returncode == 2
    assert "'cuda' is not one of 'auto', 'real', 'simulated'" in done.stderr


@pytest.mark.parametrize(
    ("wanted", "reason", "chosen"),
    [
        ("auto", "", REAL),
        ("auto", "it is broken", SIMULATED),
        ("real", "", REAL),
        ("simulated", "", SIMULATED),
    ],
)
def test_a_gpu_that_can_be_used_is_used_unless_the_simulated_one_is_wanted(
    grader: Grader, monkeypatch: pytest.MonkeyPatch, wanted: str, reason: str, chosen: str
) -> None:
    monkeypatch.setattr(device, "unusable", lambda warm: reason)
    assert device.choose(grader.warm, wanted) == chosen


def test_a_course_can_ask_for_a_real_gpu(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "unusable", lambda warm: "it is broken")
    with pytest.raises(UsageError, match=r"no GPU can be used here \(it is broken\)"):
        device.choose(grader.warm, "real")


@without_gpu
def test_a_gpu_counts_only_when_a_worker_could_use_it(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With device files alone, the probe finds out: this torch, or this machine, can do nothing."""
    monkeypatch.setattr(device.glob, "glob", lambda pattern: ["/dev/nvidia0"])
    assert device.unusable(grader.warm)
    assert device.choose(grader.warm, "auto") == SIMULATED


# ------------------------------------------------------------------------------ what is opened

READABLE = ("/usr/lib", "/dev/null")


@pytest.mark.parametrize("version", [1, 3, 4, 5, 6, 7])
def test_the_gpus_files_are_open_to_a_worker_for_them_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    files = ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"], ["/proc/driver/nvidia"]
    monkeypatch.setattr(lockdown, "gpu_files", lambda: files)
    closed = lockdown.rules(version, READABLE, "/home/of/one", gpu=False)
    opened = lockdown.rules(version, READABLE, "/home/of/one", gpu=True)
    assert [path for path, _ in closed] == [*READABLE, "/home/of/one"]
    more = dict(set(opened) - set(closed))
    assert set(closed) < set(opened)
    assert more.keys() == {*files[0], *files[1]}
    read, write, ioctl = 1 << 2, 1 << 1, 1 << 15
    assert more["/proc/driver/nvidia"] & write == 0
    for path in files[0]:
        # A kernel that does not know of the right to ioctl (before version 5) refuses none.
        assert more[path] == (read | write | ioctl if version >= 5 else read | write)


OPENS = "import os\nos.close(os.open('/dev/full', os.O_RDWR))\nprint('open')\n"


def test_only_a_worker_for_the_gpu_reaches_its_device(real: Grader) -> None:
    from autograder import tier

    if tier.prove(real.warm) not in "ABD":
        pytest.skip("files are not locked here")
    job = Job("lstm", "lstm.py", {"lstm.py": OPENS.encode()})
    printed = {}
    for gpu in (False, True):
        worker = real.warm.worker(job, gpu=gpu)
        worker.close()
        printed[gpu] = worker.printed
    assert printed == {False: "", True: "open\n"}


# ---------------------------------------------------------------------------- how it is graded


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_solution_has_full_marks_on_it(real: Grader, name: str) -> None:
    result = real.grade(name, real.solution(name))
    assert result.score == result.max_score
    assert result.device == "real"
    assert not_run(result) == {}


@pytest.mark.parametrize(
    ("name", "id", "mistake", "answer"),
    [(*key, answers[0]) for key, answers in MISTAKES.items()],
    ids=["-".join(key) for key in MISTAKES],
)
def test_what_is_wrong_on_it_is_named(
    real: Grader, name: str, id: str, mistake: str, answer: str
) -> None:
    result = real.grade(name, solved(real, name, **{id: answer}), diagnose=True)
    wrong = {t.id: t.diagnosis for t in result.todos if t.verdict != results.PASSED}
    assert wrong == {id: (mistake,)}
    assert result.device == "real"


def test_a_module_is_executed_where_the_gpu_is_and_elsewhere_without_it(real: Grader) -> None:
    """Both see the same machine all the time, and a device that is chosen at the top is right."""
    answer = f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype, device=device)"
    source = with_top(solved(real, "lstm", h0_c0=answer), NOTES)
    assert real.grade("lstm", source).score == 6
    default = "torch.set_default_device('cuda' if torch.cuda.is_available() else 'cpu')\n"
    answer = f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype)"
    assert real.grade("lstm", with_top(solved(real, "lstm", h0_c0=answer), default)).score == 6


def test_a_module_that_fails_where_the_gpu_is_loses_what_is_looked_at_there(real: Grader) -> None:
    fails = "if torch.cuda.is_available():\n    raise OSError('no driver')\n"
    result = real.grade("lstm", with_top(solved(real, "lstm"), fails))
    assert scores(result) == {"h0_c0": 2.5, "last_step": 2.75}
    failed = {c.id: c.message for t in result.todos for c in t.checks if not c.passed}
    assert failed.keys() == gpu_checks(real, "lstm")
    assert all("no driver" in message for message in failed.values())


def test_an_error_of_cuda_costs_the_check_in_which_it_came_and_no_other(real: Grader) -> None:
    """After a failed assertion on the device, CUDA refuses everything else in the process."""
    fails = "raise RuntimeError('CUDA error: device-side assert triggered')\n"
    sdpa = f"import builtins\nif Q.is_cuda:\n    builtins.broken = True\n    {fails}"
    sdpa += f"{SCORES}if mask is not None:\n{indented(HIDDEN)}{WEIGHED}"
    mha = f"import builtins\nif hasattr(builtins, 'broken'):\n    {fails}{HEADS}"
    mha += f"_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n{JOINED}"
    result = real.grade("attention", solved(real, "attention", sdpa=sdpa, mha=mha))
    assert scores(result) == {"sdpa": 3.75, "mha": 4}


def test_a_module_that_cannot_be_executed_twice_is_looked_at_all_the_same(real: Grader) -> None:
    """Its checks on the GPU have a process of their own."""
    result = real.grade(
        "lstm", with_top(solved(real, "lstm"), "import os\nos.mkdir('checkpoints')\n")
    )
    assert result.score == result.max_score
    assert not_run(result) == {}


def test_a_worker_for_it_has_the_address_space_that_cuda_wants_and_limited_memory(
    real: Grader,
) -> None:
    source = "import resource as r\nprint(*(r.getrlimit(k)[0] > 0 for k in (r.RLIMIT_AS, r.RLIMIT_DATA)))"
    printed = {}
    for gpu in (False, True):
        worker = real.warm.worker(Job("lstm", "lstm.py", {"lstm.py": source.encode()}), gpu=gpu)
        worker.close()
        printed[gpu] = worker.printed.split()
    assert printed == {False: ["True", "False"], True: ["False", "True"]}  # unlimited is -1


@pytest.mark.parametrize("gpus", ["1", None])
def test_only_a_worker_for_it_sees_it_and_the_one_that_the_user_has_chosen(
    monkeypatch: pytest.MonkeyPatch, gpus: str | None
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    warm._show_gpus(gpus)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == gpus
    assert "PYTORCH_NVML_BASED_CUDA_CHECK" not in os.environ


@without_gpu
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_gpu_that_fails_in_the_worker_fails_no_student(grader: Grader, name: str) -> None:
    """As if it had been found usable, and then was not: here it never is."""
    grader.warm.device = REAL
    try:
        assignment, source = grader.assignments[name], grader.solution(name)
        result = Grader(grader.warm).grade(name, source)
    finally:
        grader.warm.device = SIMULATED
    assert result.score == result.max_score == assignment.points()
    assert result.device == ""
    found = not_run(result)
    assert found.keys() >= gpu_checks(grader, name) & {
        c.id for c in assignment.checks if c.points and c.gpu
    }
    assert all(m.startswith("The GPU of this machine could not be used (") for m in found.values())


@without_gpu
def test_a_gpu_that_fails_for_one_submission_only_costs_it_nothing(grader: Grader) -> None:
    """What the reference shows there is known."""
    one = Grader(grader.warm)
    one._references["lstm", 7] = grader.reference("lstm", 7)
    grader.warm.device = REAL
    try:
        result = one.grade("lstm", grader.solution("lstm"), seed=7)
    finally:
        grader.warm.device = SIMULATED
    assert result.score == result.max_score
    assert not any(check.withheld for todo in result.todos for check in todo.checks)
    assert not_run(result).keys() >= {"states_are_where_x_is", "scores_are_where_x_is"}


@pytest.mark.gpu
@pytest.mark.skipif(not THERE, reason="this machine has no GPU")
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_on_the_gpu_of_this_machine_the_solution_has_full_marks(grader: Grader, name: str) -> None:
    """Not yet run anywhere: it needs a GPU that a locked worker can use."""
    assert device.unusable(grader.warm) == ""
    grader.warm.device = REAL
    try:
        one = Grader(grader.warm)
        result = one.grade(name, one.solution(name))
        wrong = one.grade("lstm", solved(one, "lstm", h0_c0=f"h0 = c0 = torch.zeros({SIZES})"))
    finally:
        grader.warm.device = SIMULATED
    assert (result.score, result.device) == (result.max_score, "real")
    assert not_run(result) == {}
    assert todo(wrong, "h0_c0").score < 3
