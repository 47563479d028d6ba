"""`autograder check --watch` from outside: a student saves and presses keys, and the screen follows."""

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from rich.cells import cell_len
from rich.console import Console

from autograder.pool import Job
from autograder.reports.watch import View, frame, to_fix
from autograder.results import CheckResult, Result, TodoResult
from autograder.submission import Work
from autograder.watch import _affected
from tests.conftest import REPOSITORY
from tests.terminal import Terminal

Run = Callable[..., CompletedProcess[str]]

RIGHT = (REPOSITORY / "solutions" / "attention.py").read_text("utf-8")
UNSCALED = RIGHT.replace(" / math.sqrt(Q.size(-1))", "")
STUB = (REPOSITORY / "assignments" / "attention.py").read_text("utf-8")
SIZES = [(80, 24), (60, 15)]
KEYS = {"en": "n next  h hint  d details  space more  q quit", "ko": "n 다음  h 힌트  d 자세히"}


def work_folder(folder: Path, *names: str, source: str = UNSCALED) -> Path:
    """Some of the hand-out, with this attention.py."""
    folder.mkdir()
    for path in (REPOSITORY / "assignments").iterdir():
        if path.name.split(".")[0] in names:
            shutil.copy(path, folder)
    (folder / "attention.py").write_text(source, "utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return work_folder(tmp_path_factory.mktemp("watch") / "work", "attention")


@pytest.fixture(scope="module")
def terminal(folder: Path) -> Iterator[Terminal]:
    """One that stays, for all tests that leave it as a wrong answer without hints."""
    with Terminal("check", "--watch", "attention.py", cwd=folder) as one:
        yield one


@pytest.fixture
def watched(terminal: Terminal, folder: Path) -> Terminal:
    """With what is wrong on the screen."""
    save(folder, RIGHT)
    terminal.until("All points")
    save(folder, UNSCALED)
    terminal.until("sdpa  0 of 4")
    return terminal


def save(folder: Path, source: str) -> None:
    (folder / "attention.py").write_text(source, "utf-8")


def test_what_to_fix_first_is_on_top_and_how_far_along_it_is(watched: Terminal) -> None:
    lines = watched.text.splitlines()
    assert lines[0] == "attention  █████░░░░░  4 of 8 points  1 of 2 TODOs done  ✗✓"
    assert "checked at " in lines[1]
    assert lines[2].startswith("✗ attention: sdpa  0 of 4  failed")
    assert lines[2].endswith("1 of 1 to fix")
    assert "out[batch=1, query=1, feature=1] is 1.443; expected 0.5644." in watched.text
    assert lines[23] == KEYS["en"]


def test_a_hint_says_where_to_look_and_then_what_is_wrong(watched: Terminal) -> None:
    assert "Where to look" not in watched.text
    watched.press("h")
    text = watched.until("Where to look:")
    assert "Compare the scores that enter your softmax with eq. 1" in text
    assert "without the division" not in text
    watched.press("h")
    watched.until("What is wrong:\n.*without the division by √d_K")
    watched.press("ㅗ")  # the same key, not switched from Hangul
    watched.until(lambda text: "Where to look" not in text)


def test_the_details_are_every_check_and_go_on_at_a_key(watched: Terminal) -> None:
    watched.resize(80, 12)
    watched.press("d")
    text = watched.until("… 15 more lines: space")
    assert "✗ softmax(Q Kᵀ / √d_K) V" in text
    assert "✗ Gradients reach Q, K and V." not in text
    watched.press(" ")
    assert "softmax(Q Kᵀ" not in watched.until("… 7 more lines: space")
    watched.press(" ")
    assert "alone as in a batch" in watched.until("… the end; the start: space")
    watched.press(" ")
    assert watched.until("… 15 more lines: space") == text
    watched.press("d")
    watched.resize(80, 24)
    watched.until(lambda text: "Gradients" not in text and text.count("\n") == 23)


def rename(path: Path, source: str) -> None:
    path.with_suffix(".tmp").write_text(source, "utf-8")
    os.replace(path.with_suffix(".tmp"), path)


def move_away(path: Path, source: str) -> None:
    """vim, with its settings for backups."""
    path.rename(path.with_name("attention.py~"))
    path.write_text(source, "utf-8")
    path.with_name("attention.py~").unlink()


def in_pieces(path: Path, source: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(source), 500):
            file.write(source[start : start + 500])
            file.flush()


@pytest.mark.parametrize("save_so", [rename, move_away, in_pieces])
def test_every_way_of_saving_is_seen(
    watched: Terminal, folder: Path, save_so: Callable[[Path, str], None]
) -> None:
    save_so(folder / "attention.py", RIGHT)
    watched.until("All points are reached: there is nothing to fix.")


def test_a_half_written_line_is_no_drama(watched: Terminal, folder: Path) -> None:
    save(folder, UNSCALED.replace("return", "return (", 1))
    text = watched.until("attention.py cannot be checked yet.")
    assert "SyntaxError: '(' was never closed" in text
    assert "4 of 8 points  1 of 2 TODOs done" in text  # as it was before
    assert "It is checked again when you save." in text
    assert "✗" not in text.partition("\n")[2]


def test_what_the_code_prints_is_shown(watched: Terminal, folder: Path) -> None:
    save(folder, UNSCALED + "\nprint('\x1b[31mhere I am')\n")
    assert "Your code printed:\n    �[31mhere I am" in watched.until("here I am")


def test_an_endless_loop_does_not_keep_the_next_save_waiting(
    watched: Terminal, folder: Path
) -> None:
    save(folder, RIGHT.replace("attention @ V", "[None for _ in iter(int, 1)]"))
    watched.until("checking …")
    del watched.history[:]
    save(folder, RIGHT)
    watched.until("All points")
    assert not any("timeout" in text for text in watched.history)


def test_a_changed_recording_counts_from_the_next_save_on(watched: Terminal, folder: Path) -> None:
    recording = folder / "attention.safetensors"
    before = recording.read_bytes()
    recording.write_bytes(before[:1000])
    save(folder, RIGHT)
    assert watched.status() == 2
    assert watched.is_as_it_was
    assert "attention.safetensorsisdamaged" in "".join(watched.text.split())  # wherever it breaks
    assert "Traceback" not in watched.text


# ---------------------------------------------------------------- languages, sizes, endings


@pytest.mark.parametrize("language", KEYS)
def test_it_fits_every_size_in_both_languages(tmp_path: Path, language: str) -> None:
    folder = work_folder(tmp_path / "work", "attention", "lstm", "vit", "aae")

    def whole(text: str) -> bool:
        """From the first line, over how far along all four are, to the keys in the last."""
        shown = text.split("\n")
        ends = shown[0].startswith("aae  ") and shown[-1].startswith(KEYS[language])
        return ends and sum("░" in line for line in shown) == 4

    with Terminal("check", "--watch", "--lang", language, cwd=folder) as terminal:
        terminal.until("13 to fix" if language == "en" else "13개 중")
        named = r"2\.83"
        for columns, lines in [*SIZES[::-1], SIZES[1]]:
            terminal.resize(columns, lines)
            for keys, shows in [
                ("", "sdpa"),
                ("hh", named),
                ("d", "(?m)^… "),
                (" ", f"(?s)^(?!.*{named})"),
                ("dn", "todo1"),
                ("n" * 12, "sdpa"),
            ]:
                terminal.press(keys)
                terminal.until(lambda text, shows=shows: re.search(shows, text) and whole(text))  # type: ignore[misc]
                if not keys:  # until then, what was on its way was of the size before
                    terminal.screen.too_wide.clear()
            assert terminal.screen.too_wide == []
        terminal.press("q")
        assert terminal.status() == 1
        assert terminal.is_as_it_was
        summary = {"en": "attention  4 of 8 points", "ko": "attention  8점 중 4점"}
        assert summary[language] in terminal.text


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda terminal: terminal.press("q"), 1),
        (lambda terminal: terminal.press("\x03"), 1),
        (lambda terminal: terminal.signal(signal.SIGTERM), 143),
        (lambda terminal: terminal.signal(signal.SIGHUP), 129),
    ],
    ids=["q", "Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_the_terminal_is_given_back_however_it_ends(
    folder: Path, end: Callable[[Terminal], None], status: int
) -> None:
    """While torch is loading: nobody has to wait for that."""
    with Terminal("check", "--watch", cwd=folder) as terminal:
        terminal.until("loading torch …")
        assert not terminal.is_as_it_was
        end(terminal)
        assert terminal.status() == status
        assert terminal.is_as_it_was


def test_a_stop_gives_the_terminal_back_until_it_goes_on(folder: Path) -> None:
    with Terminal("check", "--watch", cwd=folder) as terminal:
        terminal.until("loading torch …")
        terminal.press("\x1a")
        terminal.until(lambda _: terminal.is_as_it_was)
        terminal.signal(signal.SIGCONT)
        terminal.until(lambda _: not terminal.is_as_it_was)
        terminal.press("q")
        assert terminal.status() == 1


def test_without_a_terminal_there_is_nothing_to_watch_on(run: Run, folder: Path) -> None:
    process = run("check", "--watch", cwd=folder)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("autograder: --watch needs a terminal")
    assert process.stderr.count("\n") == 1


# ---------------------------------------------------------------- what is checked, what is first


def a_work(name: str, main: str, **files: str) -> Work:
    sources = {f"{file}.py": text.encode() for file, text in files.items()}
    return Work(name, f"{main}.py", Job(name, f"{main}.py", sources))


def test_only_what_a_save_affects_is_checked_again() -> None:
    def works(**files: str) -> dict[str, Work]:
        return {name: a_work(name, name, **files) for name in ("lstm", "vit")}

    before = works(lstm="x = 1", vit="import lstm", helper="")
    assert list(_affected({}, before)) == ["lstm", "vit"]
    assert _affected(before, works(lstm="x = 1", vit="import lstm", helper="")) == {}
    assert list(_affected(before, works(lstm="x = 1", vit="import lstm # 2", helper=""))) == ["vit"]
    assert list(_affected(before, works(lstm="x = 2", vit="import lstm", helper=""))) == [
        "lstm",
        "vit",
    ]
    assert len(_affected(before, works(lstm="x = 1", vit="import lstm", helper="y = 1"))) == 2


def a_result(name: str, **verdicts: str) -> Result:
    todos = tuple(
        TodoResult(id, 0, 1, verdict, (CheckResult("c", "t", verdict == "passed", f"{id} m"),))
        for id, verdict in verdicts.items()
    )
    return Result(submission="", assignment=name, seed=0, todos=todos, max_score=1)


def test_first_is_what_was_saved_and_in_it_what_is_wrong() -> None:
    latest = {
        "aae": a_result("aae", todo1="not attempted", todo2="failed"),
        "lstm": a_result("lstm", h0_c0="not attempted", last_step="timeout", x="passed"),
    }
    assert to_fix(latest) == [
        ("aae", "todo2"),
        ("lstm", "last_step"),
        ("aae", "todo1"),
        ("lstm", "h0_c0"),
    ]
    assert to_fix(latest, "lstm")[:3] == [
        ("lstm", "last_step"),
        ("lstm", "h0_c0"),
        ("aae", "todo2"),
    ]


@pytest.mark.parametrize(("columns", "lines"), [*SIZES, (200, 50), (20, 8), (9, 4), (1, 1)])
def test_a_frame_is_as_large_as_the_screen(columns: int, lines: int) -> None:
    latest = {name: a_result(name, todo="failed") for name in ("aae", "lstm", "가나다라마바사")}
    console = Console(width=columns, height=lines, force_terminal=True, color_system=None)
    for item in [("lstm", "todo"), None]:
        view = View(latest=latest, item=item, hints=2, details=True, status="검사하는 중 …")
        drawn = frame(view, console).lines
        assert max(map(cell_len, drawn)) <= columns
        assert len(drawn) == lines or lines < 4
