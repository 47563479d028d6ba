"""How long grading takes and how much memory: `make bench`.

Everything is measured side by side in one run, on one core: what a submission costs once the
process is warm, what a fresh Python that imports torch costs, and what `otter run` costs on a
notebook with the same question. Medians, and ratios to the first.
"""

import os
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

REPOSITORY = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
ROUNDS = 15
SLOW_ROUNDS = 3
SEED = 1
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
    for what, seconds in [*submissions(), *others()]:
        median = statistics.median(seconds)
        first = first or median
        row = (f"{x:.3f}" for x in (median, min(seconds), max(seconds)))
        table.add_row(what, *row, f"{median / first:.1f}")
    if affinity:
        os.sched_setaffinity(0, affinity)
    console.print(table)
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


def others() -> list[tuple[str, list[float]]]:
    """What it would cost without a warm process, and with otter-grader."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tests").mkdir()
        (root / "out").mkdir()
        (root / "tests" / "sdpa.py").write_text(OTTER_TEST)
        solution = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(solution)])
        nbformat.write(notebook, root / "attention.ipynb")
        command(BIN / "otter", "generate", "-t", "tests", "-o", "tests.zip", cwd=root)
        torch = timed(lambda: command(sys.executable, "-c", "import torch", cwd=root), SLOW_ROUNDS)
        otter = timed(
            lambda: command(
                *(BIN / "otter", "run", "-a", "tests.zip", "-o", "out", "attention.ipynb"), cwd=root
            ),
            SLOW_ROUNDS,
        )
        if '"score": 4' not in (root / "out" / "results.json").read_text().replace("4.0", "4"):
            raise SystemExit("otter did not give the right answer its points; nothing is compared")
    return [("python -c 'import torch'", torch), ("otter run, attention, sdpa only", otter)]


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
