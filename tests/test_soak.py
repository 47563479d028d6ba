"""A class of 1,000, one in ten of it hostile: the grader ends as it began, and leaves nothing."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.conftest import REPOSITORY
from tests.hostile_traces import orphans_come_here

if not Path("/proc/self").is_dir():
    pytest.skip("the attacks are written for Linux", allow_module_level=True)

pytestmark = pytest.mark.slow

SUBMISSIONS, ONE_IN = 1000, 10
NAMES = ("lstm", "attention")
HOSTILE = REPOSITORY / "tests" / "hostile"
# Of every group one or two that are over soon: what they leave is looked for, not what they gain.
ATTACKS = (
    *("crash-abort", "crash-kills-itself", "crash-exits-in-a-thread"),
    *("exfiltration-later-by-a-daemon", "exfiltration-shared-memory-files", "exfiltration-sysv"),
    *("exhaustion-descriptors", "exhaustion-fork-bomb", "exhaustion-inodes", "exhaustion-output"),
    *("exhaustion-nests-folders", "exhaustion-thread-bomb", "exhaustion-large-answers"),
    *("forgery-answers-from-a-child", "forgery-sends-frames", "protocol-closes-the-channel"),
    *("protocol-half-a-frame", "protocol-sends-descriptors", "spoof-expands-without-end"),
    "tampering-locks-its-home",
)
PATIENCE = 0.2  # seconds from one look to the next


@dataclass(frozen=True)
class Look:
    """What a process holds at some moment."""

    memory: float  # MB
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Soak:
    """What was seen while the class was graded, and what was left."""

    status: int
    lines: list[dict[str, object]]
    looks: dict[str, list[Look]]
    survivors: list[str]
    left: list[str]


def look(process: psutil.Process) -> Look:
    with process.oneshot():
        memory = process.memory_info().rss / 1e6
        return Look(memory, process.num_fds(), process.num_threads())


def shared_memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("*")}


def hand_in(folder: Path) -> None:
    """1,000 submissions, all different, so that no result is taken from the store."""
    texts = [(REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8") for name in NAMES]
    for number in range(SUBMISSIONS):
        own = folder / f"s{number:04}"
        own.mkdir()
        if number % ONE_IN:
            at = number % len(NAMES)
            (own / f"{NAMES[at]}.py").write_text(f"{texts[at]}\n# {number}\n")
            continue
        attack = HOSTILE / ATTACKS[number // ONE_IN % len(ATTACKS)]
        for file in (*attack.iterdir(), HOSTILE / "answers.py", HOSTILE / "loot.py"):
            shutil.copy(file, own)
            with open(own / file.name, "a") as copy:
                copy.write(f"\n# {number}\n")


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    place = tmp_path_factory.mktemp("soak")
    temporary = place / "temporary"
    for folder in (place / "class", temporary):
        folder.mkdir()
    hand_in(place / "class")
    looks: dict[str, list[Look]] = {"judge": [], "warm process": []}
    shared = shared_memory()
    with orphans_come_here() as survivors:
        grader = subprocess.Popen(
            [
                *(Path(sys.executable).with_name("autograder"), "grade", "class", "-o", "out"),
                *("--jobs", "2", "--timeout", "1", "--seed", "7", "--trust"),
            ],
            cwd=place,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.DEVNULL,
        )
        results = place / "out" / "results.jsonl"
        while grader.poll() is None:
            time.sleep(PATIENCE)
            if results.is_file():  # all that is loaded once is loaded
                judge = psutil.Process(grader.pid)
                try:
                    (warm,) = judge.children()
                    seen = {"judge": look(judge), "warm process": look(warm)}
                except (psutil.Error, ValueError):
                    continue  # it ends
                for name, one in seen.items():
                    looks[name].append(one)
    lines = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    left = [path.name for path in temporary.iterdir()] + sorted(shared_memory() - shared)
    yield Soak(grader.returncode, lines, looks, survivors, left)
    subprocess.run(["rm", "-rf", temporary], check=False)  # deeper than shutil goes


def thirds(looks: Sequence[Look]) -> tuple[Sequence[Look], Sequence[Look]]:
    """The middle and the last third: in the first, caches fill, and the heap grows to hold what is largest.

    Of 3,000 submissions the judge took 86 MB from the 500th to the last.
    """
    third = len(looks) // 3
    assert third >= 10
    return looks[third : 2 * third], looks[-third:]


def test_everybody_is_graded_and_who_is_right_gets_full_marks(soak: Soak) -> None:
    assert soak.status == 0
    assert len({line["submission"] for line in soak.lines}) == SUBMISSIONS
    honest = [line for line in soak.lines if int(str(line["submission"])[1:]) % ONE_IN]
    assert [x["submission"] for x in honest if x["score"] != x["max_score"]] == []


@pytest.mark.parametrize(("process", "most"), [("judge", 8), ("warm process", 4)])
def test_memory_is_constant(soak: Soak, process: str, most: float) -> None:
    first, last = thirds(soak.looks[process])
    before, after = (statistics.median(x.memory for x in third) for third in (first, last))
    print(f"{process}: {before:.1f} MB, then {after:.1f} MB")
    assert after - before < most


@pytest.mark.parametrize("process", ["judge", "warm process"])
@pytest.mark.parametrize("what", ["descriptors", "threads"])
def test_descriptors_and_threads_are_constant(soak: Soak, process: str, what: str) -> None:
    # The least of each: what is open for the one or two that are graded just now comes and goes. The
    # worker for variants, with four descriptors, starts when it is first needed.
    before, after = (min(getattr(x, what) for x in third) for third in thirds(soak.looks[process]))
    print(f"{process}: {before} {what}, then {after}")
    assert after <= before + 6


def test_no_process_is_left(soak: Soak) -> None:
    assert soak.survivors == []


def test_no_file_or_shared_memory_is_left(soak: Soak) -> None:
    assert soak.left == []
