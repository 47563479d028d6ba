"""A student's own check where no process can fork, as on Windows (`without_fork` says what is taken away)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.test_watch import RIGHT, UNSCALED, save, work_folder

PROGRAM = sys.executable, str(Path(__file__).with_name("without_fork.py"))
STUCK = "\nimport time\n\n\ndef forward(self, *x, **y):\n    {what}\n\n\nScaledDotProductAttention.forward = forward\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return work_folder(tmp_path / "과제 1", "attention")


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    temporary = folder.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    process = subprocess.run(
        [*PROGRAM, "check", *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.stderr == ""
    assert not list(temporary.iterdir())  # all homes are removed
    return process


def test_a_right_answer_gets_all_points(folder: Path) -> None:
    save(folder, RIGHT)
    process = check(folder)
    assert "attention  8 of 8 points" in process.stdout
    assert process.returncode == 0


def test_a_wrong_answer_gets_its_feedback_and_what_it_printed(folder: Path) -> None:
    save(folder, UNSCALED + "\nprint('안녕')\n")
    process = check(folder, "attention.py")
    assert "  ✗ sdpa  0 of 4" in process.stdout
    assert "Your scores enter the softmax without the division by √d_K" in process.stdout
    assert "  ✓ mha  4 of 4" in process.stdout
    assert "안녕" in process.stdout
    assert process.returncode == 1


@pytest.mark.slow
def test_a_process_that_ends_is_told_and_the_rest_is_judged(folder: Path) -> None:
    save(folder, RIGHT + STUCK.format(what="import os; os._exit(3)"))
    output = " ".join(check(folder).stdout.split())
    assert "its process exited with status 3" in output
    assert "✓ mha 4 of 4" in output


@pytest.mark.slow
def test_a_process_that_crashes_is_told(folder: Path) -> None:
    save(folder, RIGHT + STUCK.format(what="import os; os.abort()"))
    assert "ended by SIGABRT" in " ".join(check(folder).stdout.split())


@pytest.mark.slow
def test_an_endless_loop_is_ended(folder: Path) -> None:
    save(folder, RIGHT + STUCK.format(what="[0 for _ in iter(int, 1)]"))
    output = " ".join(check(folder).stdout.split())
    assert "it took longer than" in output
    assert "✓ mha 4 of 4" in output


def test_watching_prints_each_result_until_ctrl_c(folder: Path) -> None:
    save(folder, UNSCALED)
    with Terminal("check", "--watch", cwd=folder, program=PROGRAM) as terminal:
        terminal.until("Save to check again; Ctrl-C ends this.")
        assert "✗ sdpa  0 of 4" in terminal.text
        save(folder, RIGHT)
        terminal.until("attention  8 of 8 points")
        terminal.until("Save to check again")
        assert "✗ sdpa" not in terminal.text
        terminal.signal(signal.SIGINT)
        assert terminal.status() == 0


def test_no_process_stays_when_the_command_is_killed(folder: Path, tmp_path: Path) -> None:
    seen = tmp_path / "pid"
    text = f"import os\nopen({str(seen)!r}, 'w').write(str(os.getpid()))\nwhile True:\n    pass\n"
    save(folder, text)
    with subprocess.Popen([*PROGRAM, "check"], cwd=folder, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (seen.exists() and seen.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    pid = int(seen.read_text())
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(pid)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
