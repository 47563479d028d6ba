"""How long grading takes and how much memory: `make bench`.

Everything is measured side by side in one run, on one core: what a submission costs once the
process is warm, what a student waits for under `check --watch` and at a first check, what a fresh
Python that imports torch costs, and what `otter run` costs on a notebook with the same question.
Medians, and ratios to the first.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
from rich.console import Console
from rich.table import Table

from autograder.course import Assignment, Course
from autograder.diagnose import Catalogue
from autograder.examine import examine_reference
from autograder.grade import grade_work
from autograder.pool import Job, Warm
from autograder.submission import Work
from tests.terminal import Terminal

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ROUNDS = 15
SLOW_ROUNDS = 3
LOCK_ROUNDS = 101
START_ROUNDS = 7
SEED = 1
TORCH = "python -c 'import torch'"
CHECK = "autograder check, first, attention"
WRONG = {
    "lstm": "lstm-last_step-first_step-1.py",
    "attention": "attention-sdpa-unscaled-1.py",
    "vit": "vit-encoder_block-no_residual-1.py",
    "aae": "aae-todo2-leaky_relu-1.py",
}

OTTER_TEST = """
OK_FORMAT = False
name = "sdpa"
points = 4

from otter.test_files import test_case


@test_case(points=4)
def attends(ScaledDotProductAttention):
    import math
    import torch

    torch.manual_seed(1)
    Q, K, V = torch.randn(3, 4, 8), torch.randn(3, 6, 8), torch.randn(3, 6, 5)
    out, attention = ScaledDotProductAttention()(Q, K, V)
    weights = torch.softmax(Q @ K.transpose(-2, -1) / math.sqrt(8), -1)
    assert torch.allclose(attention, weights) and torch.allclose(out, weights @ V)
"""


def main() -> None:
    console = Console(width=100)
    table = Table("what", "median s", "least", "most", "times the first", title="Time, on one core")
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if affinity:
        os.sched_setaffinity(0, {min(affinity)})
    first = 0.0
    rows = [*submissions(), *saves(), *starts(), *others()]
    medians = {what: statistics.median(seconds) for what, seconds in rows}
    for what, seconds in rows:
        median = statistics.median(seconds)
        first = first or median
        row = (f"{x:.3f}" for x in (median, min(seconds), max(seconds)))
        table.add_row(what, *row, f"{median / first:.1f}")
    free, locked = lockdown()
    if affinity:
        os.sched_setaffinity(0, affinity)
    console.print(table)
    added = statistics.median(a - b for a, b in zip(locked, free, strict=True))
    with_it, without = statistics.median(locked), statistics.median(free)
    console.print(
        f"One submission, lstm, right, by turns: {without:.3f} s without lockdown, {with_it:.3f} s "
        f"with it: {1000 * added:+.1f} ms, {with_it / without:.2f} times"
    )
    ratio = medians[CHECK] / medians[TORCH]
    console.print(f"{CHECK}: {ratio:.2f} times {TORCH}", highlight=False)
    console.print(
        f"Memory of `autograder grade --jobs 2`, all processes: {memory():.0f} MB at most"
    )


def submissions() -> list[tuple[str, list[float]]]:
    """Judge and worker time of one submission's assignment, from its bytes to its result."""
    course = Course.find(REPOSITORY)
    rows = []
    with Warm(course.check_files) as warm:
        for assignment in map(Assignment.from_summary, warm.summaries):
            name = assignment.name
            right = course.solution(name).read_bytes()
            stub = (course.assignments / f"{name}.py").read_bytes()
            reference = examine_reference(warm, assignment, right, SEED)
            catalogue = Catalogue(warm, course, assignment, SEED)
            wrong = (REPOSITORY / "tests" / "mistakes" / WRONG[name]).read_bytes()
            on_cpu = tuple(check for check in assignment.checks if not check.gpu)
            without = replace(assignment, checks=on_cpu)
            for kind, source, known, judged in (
                ("right", right, catalogue, assignment),
                ("right, CPU only", right, catalogue, without),
                ("untouched", stub, catalogue, assignment),
                ("wrong, and named", wrong, catalogue, assignment),
                ("wrong, not named", wrong, None, assignment),
            ):
                job = Job(name, f"{name}.py", {f"{name}.py": source})
                work = Work(name, f"{name}.py", job)

                def once(
                    work: Work = work, a: Assignment = judged, known: Catalogue | None = known
                ) -> None:
                    grade_work(warm, "bench", work, a, reference, SEED, catalogue=known)  # noqa: B023

                once()  # what known mistakes show is computed once for a class
                rows.append((f"one submission, {name}, {kind}", timed(once, ROUNDS)))
            catalogue.close()
    return sorted(rows, key=lambda row: row[0])


def lockdown() -> tuple[list[float], list[float]]:
    """The time of one submission in a free worker and in a locked one, by turns."""
    course = Course.find(REPOSITORY)
    source = course.solution("lstm").read_bytes()
    work = Work("lstm", "lstm.py", Job("lstm", "lstm.py", {"lstm.py": source}))
    free, locked = Warm(course.check_files, lockdown=False), Warm(course.check_files)
    with free, locked:
        [lstm] = (a for a in map(Assignment.from_summary, locked.summaries) if a.name == "lstm")
        reference = examine_reference(locked, lstm, source, SEED)

        def once(warm: Warm) -> float:
            return grade_work(warm, "bench", work, lstm, reference, SEED).seconds

        rounds = [(once(free), once(locked)) for _ in range(1 + LOCK_ROUNDS)][1:]
    return [one for one, _ in rounds], [other for _, other in rounds]


def saves() -> list[tuple[str, list[float]]]:
    """Under `check --watch`: from the write to the result on the screen, by turns right and wrong."""
    found = []
    for name, mistake in WRONG.items():
        right = (REPOSITORY / "solutions" / f"{name}.py").read_bytes()
        wrong = (REPOSITORY / "tests" / "mistakes" / mistake).read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            work = student_folder(Path(folder), name) / f"{name}.py"
            work.write_bytes(right)
            with Terminal("check", "--watch", work.name, cwd=work.parent) as terminal:
                terminal.until("All points")

                def once(
                    work: Path = work,
                    terminal: Terminal = terminal,
                    right: bytes = right,
                    wrong: bytes = wrong,
                ) -> None:
                    mend = "All points" not in terminal.text
                    work.write_bytes(right if mend else wrong)
                    terminal.until("All points" if mend else "1 of 1 to fix")

                found.append((f"a save under --watch, {name}", timed(once, ROUNDS)))
    return found


def starts() -> list[tuple[str, list[float]]]:
    """A first check and a Python that imports torch, by turns."""
    found: dict[str, list[float]] = {CHECK: [], TORCH: []}
    with tempfile.TemporaryDirectory() as folder:
        root = student_folder(Path(folder), "attention")
        words = {
            CHECK: (BIN / "autograder", "check", "attention.py"),
            TORCH: (sys.executable, "-c", "import torch"),
        }
        for _ in range(START_ROUNDS + 1):
            for what, seconds in found.items():
                start = time.perf_counter()
                command(*words[what], cwd=root)
                seconds.append(time.perf_counter() - start)
    return [(what, seconds[1:]) for what, seconds in found.items()]  # the first is not counted


def student_folder(folder: Path, name: str) -> Path:
    """A hand-out with one assignment, solved."""
    for file in (REPOSITORY / "assignments").glob(f"{name}.*"):
        shutil.copy(file, folder)
    shutil.copy(REPOSITORY / "solutions" / f"{name}.py", folder)
    return folder


def others() -> list[tuple[str, list[float]]]:
    """What it would cost with otter-grader."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tests").mkdir()
        (root / "out").mkdir()
        (root / "tests" / "sdpa.py").write_text(OTTER_TEST)
        solution = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(solution)])
        nbformat.write(notebook, root / "attention.ipynb")
        command(BIN / "otter", "generate", "-t", "tests", "-o", "tests.zip", cwd=root)
        otter = timed(
            lambda: command(
                *(BIN / "otter", "run", "-a", "tests.zip", "-o", "out", "attention.ipynb"), cwd=root
            ),
            SLOW_ROUNDS,
        )
        if '"score": 4' not in (root / "out" / "results.json").read_text().replace("4.0", "4"):
            raise SystemExit("otter did not give the right answer its points; nothing is compared")
    return [("otter run, attention, sdpa only", otter)]


def timed(run: Callable[[], object], rounds: int) -> list[float]:
    run()  # not counted
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def command(*words: str | Path, cwd: Path) -> None:
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    subprocess.run(words, cwd=cwd, env=environment, check=True, capture_output=True)


def memory() -> float:
    """The most memory (PSS: shared pages counted once) of a whole grading, in MB."""
    most = 0.0
    done = threading.Event()
    with tempfile.TemporaryDirectory() as out:
        words = [BIN / "autograder", "grade", REPOSITORY / "tests" / "submissions", "-o", out]
        process = subprocess.Popen(
            [*words, "--jobs", "2", "--seed", "1", "--timeout", "3", "--trust"],
            stdout=subprocess.DEVNULL,
        )

        def watch() -> None:
            nonlocal most
            root = psutil.Process(process.pid)
            while not done.wait(0.05):
                total = 0
                try:
                    for one in (root, *root.children(recursive=True)):
                        total += one.memory_full_info().pss
                except psutil.Error:
                    continue  # one of them ended while we looked
                most = max(most, total / 1e6)

        thread = threading.Thread(target=watch)
        thread.start()
        process.wait()
        done.set()
        thread.join()
    return most


if __name__ == "__main__":
    main()
