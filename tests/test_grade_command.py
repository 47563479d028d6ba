"""`autograder grade` from outside: a class with all that students hand in, right, wrong and hostile.

One command grades many submissions, as its start takes seconds; the tests then look at what it left.
"""

import csv
import io
import itertools
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from rich.cells import cell_len

from autograder.cli import commands
from tests.conftest import ASSIGNMENTS, REPOSITORY

LSTM = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")
FIRST_STEP = LSTM.replace("last = out[:, -1]", "last = out[:, 0]")
assert FIRST_STEP != LSTM
ALL = {f"{name}.py": (REPOSITORY / "solutions" / f"{name}.py").read_bytes() for name in ASSIGNMENTS}
UNTOUCHED = {
    f"{name}.py": (REPOSITORY / "assignments" / f"{name}.py").read_bytes() for name in ASSIGNMENTS
}
SEED = 5

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_public_seed_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    done = run("grade", "class", "-o", "out", "--seed", "0", cwd=tmp_path)
    assert_refuses(done, "0 is the seed of what students check against", "choose another")


# ---------------------------------------------------------------- helpers


@dataclass(frozen=True)
class Graded:
    """What a command left: its output, and the folder OUT."""

    process: subprocess.CompletedProcess[str]
    out: Path

    @cached_property
    def results(self) -> list[dict[str, Any]]:
        text = (self.out / "results.jsonl").read_text("utf-8")
        return [strict_json(line) for line in text.splitlines()]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [result for result in self.results if result["submission"] == name]

    def marks(self, name: str) -> dict[str, tuple[float, float]]:
        """(score, out of) by assignment."""
        return {r["assignment"]: (r["score"], r["max_score"]) for r in self.of(name)}

    def messages(self, name: str) -> list[str]:
        """What its checks say, each message once."""
        checks = [c for r in self.of(name) for todo in r["todos"] for c in todo["checks"]]
        return list(dict.fromkeys(check["message"] for check in checks if check["message"]))

    def said(self, name: str) -> list[str]:
        """All that is said about a submission, each sentence once."""
        return [note for r in self.of(name) for note in r["notes"]] + self.messages(name)

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        text = (self.out / "grades.csv").read_text("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text), strict=True))

    def feedback(self, name: str) -> str:
        return (self.out / "feedback" / name / "feedback.md").read_text("utf-8")

    def gradescope(self, name: str) -> dict[str, Any]:
        file = self.out / "feedback" / name / "results.json"
        answer = strict_json(file.read_text("utf-8"))
        assert isinstance(answer, dict)
        return answer


def unescaped(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown)


def strict_json(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def hand_in(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def zipped(path: Path, members: Mapping[str | zipfile.ZipInfo, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def notebook(*cells: str) -> str:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {},
            "cells": [{**empty, "source": cell} for cell in cells],
        }
    )


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Fails if it does not come true; the limit is generous, so that a busy machine passes too."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def assert_no_traceback(process: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in process.stdout + process.stderr


def assert_refuses(process: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit status 2, nothing but one sentence, and these words in it."""
    assert process.returncode == 2, process.stderr
    assert process.stdout == ""
    assert re.fullmatch(r"autograder: [^\n]+\.\n", process.stderr), process.stderr
    for word in words:
        assert word in process.stderr


# ---------------------------------------------------------------- help


@pytest.mark.parametrize("command", ["", *sorted(commands.commands)])
def test_help_answers_without_loading_torch(command: str, tmp_path: Path) -> None:
    """Loading torch takes seconds; -X importtime lists every module that was imported."""
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "autograder", *command.split(), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0
    assert process.stdout.startswith("Usage: ")
    imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
    assert "autograder.cli" in imported
    assert imported.isdisjoint({"torch", "numpy", "einops", "nbformat"})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chek"], "No such command 'chek'. Did you mean 'check'?"),
        (
            ["grade"],
            "Missing argument 'SUBMISSIONS'; 'autograder grade --help' lists what there is.",
        ),
        (["check", "--zzz"], "No such option '--zzz'; 'autograder check --help' lists"),
    ],
)
def test_what_the_command_does_not_know_is_one_line(
    run: Run, tmp_path: Path, words: list[str], sentence: str
) -> None:
    process = run(*words, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    assert re.fullmatch(r"autograder: [^\n]+[.?]\n", process.stderr)
    assert sentence in process.stderr


def test_one_students_folder_is_not_taken_for_a_class_without_a_word(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "minji"
    folder.mkdir()
    for name in ("lstm.py", "attention.py"):
        (folder / name).write_text(LSTM)
    sentence = (
        "each file in minji is graded as a submission of its own; if they are one student's, give"
    )
    assert sentence in run("grade", "minji", "-o", "out", cwd=tmp_path).stderr
    assert sentence not in run("grade", ".", "-o", "../out", cwd=tmp_path).stderr


def test_the_installed_command_lists_its_commands(run: Run, tmp_path: Path) -> None:
    process = run("--help", cwd=tmp_path)
    assert process.returncode == 0
    for command in ("check", "grade", "record", "stubs"):
        assert re.search(rf"^  {command} ", process.stdout, re.M)


# ---------------------------------------------------------------- one class with everything

EVIL = (
    "\x1b[31mred\x1b[0m\x1b]0;title\x07 [bold]loud[/bold] [link=http://x]y[/link]\n"
    "```\n# a heading\n`````\n<script>alert(1)</script>\n::error::workflow\r\x9b1A \u202egnp\u2066\u200f"
)
HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
EVIL_NAME = "[bold]eve \x1b[31m\u202e`*_x"


def leaving(*, in_group: str, in_own_session: str = "") -> str:
    """Code that leaves processes behind, deaf to polite signals; they are found by their argument."""
    text = f"""
import os, signal

def leave(argument, own_session):
    try:
        if os.fork():
            return
    except OSError:
        return
    if own_session:
        os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.execvp("sleep", ["sleep", argument])

leave("{in_group}", False)
"""
    return text + (f'leave("{in_own_session}", True)\n' if in_own_session else "")


def unique_argument() -> str:
    """For `sleep`: ten minutes, and a fraction of a second that nobody else sleeps."""
    return f"600.{os.getpid():07}{next(COUNTER):03}"


COUNTER = itertools.count(1)
IN_GROUP, IN_OWN_SESSION, FORKED = unique_argument(), unique_argument(), unique_argument()


def left_behind(argument: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if argument in (p.info["cmdline"] or ())]


@pytest.fixture(autouse=True, scope="module")
def no_process_survives_these_tests() -> Iterator[None]:
    """Whatever they showed: each is found by an argument of this module's own."""
    yield
    mine = f"600.{os.getpid():07}"
    for process in psutil.process_iter(["cmdline"]):
        if any(argument.startswith(mine) for argument in process.info["cmdline"] or ()):
            process.kill()


# Bad input -> what is said about it; who cannot be graded at all has no marks, the others 0 of 6.
NOTHING = r"Nothing to grade was found: hand in aae\.py, attention\.py, lstm\.py, vit\.py .*\."
NOT_GRADED = {
    "absolute": r"The zip's member '/tmp/lstm\.py' leads out of the zip; pack your files anew\.",
    "archive_cut_short": r"archive_cut_short\.zip is not a zip that can be read; pack it again\.",
    "archive_empty": NOTHING,
    "archive_of_no_bytes": r"archive_of_no_bytes\.zip is not a zip .*; pack it again\.",
    "bomb": r"The zip's member 'data\.bin' takes the zip over 100 MiB inflated; hand in code only\.",
    "encrypted": r"The zip's member 'lstm\.py' is encrypted; pack your files without a password\.",
    "escaping": r"The zip's member '\.\./\.\./lstm\.py' leads out of the zip; pack .*\.",
    "fifo": r"lstm\.py is not an ordinary file; .+\.",
    "folder_for_file": NOTHING,
    "link": r"link\.py is a link; hand in the file itself\.",
    "link_in_archive": r".*'lstm\.py' is a link; hand in the file itself\.",
    "link_in_folder": NOTHING,
    "link_to_folder": r"link_to_folder is a link; hand in the file itself\.",
    "many_entries": r".* holds more than 1,000 entries; hand in your code only\.",
    "many_files": r".* holds more than 1,000 files; hand in your code only\.",
    "text_only": NOTHING,
}
ZERO = {
    "binary": r"lstm\.py is not text but binary data; submit the \.py or \.ipynb itself\.",
    "class_missing": r"lstm\.py defines no LSTMClassifier; it defines Classifier: rename that to "
    r"LSTMClassifier\.",
    "empty": r"lstm\.py is empty; submit the file that you worked in\.",
    "huge": r"lstm\.py is 50\.0 MiB, and at most 1 MiB are taken; hand in code only.*\.",
    "latin_1": r"lstm\.py is in an unknown text encoding; save it as UTF-8\.",
    "notebook_cut_short": r"lstm\.ipynb is not a notebook that can be read.*; open it in Jupyter, "
    r"save it and submit it again\.",
    "notebook_not_an_object": r"lstm\.ipynb is not a notebook that can be read.*; open it .*\.",
}
# Code that Python's parser or compiler gives up on; which error it raises differs by version.
TOO_DEEP = {
    "deep_attributes": "x = a" + ".a" * 90_000 + "\n",
    "deep_minus": "-" * 100_000 + "1",
    "deep_parentheses": "(" * 50_000,
    "deep_sum": "x = 1" + " + 1" * 100_000 + "\n",
}
# Unusual, and right.
FULL = [
    "=cmd",
    EVIL_NAME,
    "cell_broken",
    "cp949",
    "formula_file",
    "honest",
    "leaves_processes",
    "names_its_folder",
    "prints_much",
    "resubmitted_right",
    "stops_late",
    "utf_16",
    "wrongly_named",
    "박지훈",
]


def build_class(folder: Path) -> None:
    """Everything above, one submission each; 50 MB of zeros are a hole, and take no disk."""
    folder.mkdir()
    files: dict[str, Mapping[str, str | bytes]] = {
        "=cmd": {"lstm.py": LSTM},
        EVIL_NAME: {"lstm.py": LSTM},
        "binary": {"lstm.py": bytes(range(256)) * 20},
        "cell_broken": {"lstm.ipynb": notebook("for i in range(3:\n    pass", LSTM)},
        "class_missing": {"lstm.py": LSTM.replace("LSTMClassifier", "Classifier")},
        "cp949": {"lstm.py": ("# 순환 신경망 과제\n" + LSTM).encode("cp949")},
        "empty": {"lstm.py": b""},
        "evil": {
            "lstm.py": LSTM.replace("last = out[:, -1]", f"raise ValueError({EVIL!r})")
            + f"\nprint({EVIL!r})\n"
        },
        "formula_file": {"=1+1.py": LSTM},
        "honest": {"lstm.py": LSTM},
        "latin_1": {"lstm.py": b"# caf\xe9 \xff\x80\n" + LSTM.encode()},
        "leaves_processes": {
            "lstm.py": LSTM + leaving(in_group=IN_GROUP, in_own_session=IN_OWN_SESSION)
        },
        "many_files": {"lstm.py": LSTM, **{f"{i}.txt": "" for i in range(1000)}},
        "stops_early": {"lstm.py": "open('data.csv')\n" + LSTM},
        "stops_late": {"lstm.py": LSTM + "\nopen('data.csv')\nLSTMClassifier = None\n"},
        "names_its_folder": {"lstm.py": LSTM + "\nopen(__file__ + '/weights.pt')\n"},
        "notebook_cut_short": {"lstm.ipynb": notebook(LSTM)[:-30]},
        "notebook_not_an_object": {"lstm.ipynb": "[]"},
        "prints_much": {"lstm.py": LSTM + "\nfor i in range(30_000): print(f'line {i}')\n"},
        "resubmitted_right": {
            "lstm.py": FIRST_STEP,
            "lstm-1.py": FIRST_STEP,
            "lstm (2).py": LSTM,
        },
        "resubmitted_wrong": {"lstm.py": LSTM, "lstm-9.py": LSTM, "lstm-10.py": FIRST_STEP},
        "text_only": {"report.txt": "My report."},
        "utf_16": {"lstm.py": LSTM.encode("utf-16")},
        "wrongly_named": {"homework_final.py": LSTM},
        unicodedata.normalize("NFD", "박지훈"): {
            unicodedata.normalize("NFD", "과제 제출") + "/lstm.py": LSTM
        },
        **{name: {"lstm.py": text} for name, text in TOO_DEEP.items()},
    }
    for name, content in files.items():
        hand_in(folder / name, content)

    (folder / "huge").mkdir()
    with (folder / "huge" / "lstm.py").open("wb") as file:
        file.truncate(50 << 20)
    (folder / "fifo").mkdir()
    os.mkfifo(folder / "fifo" / "lstm.py")
    (folder / "folder_for_file" / "lstm.py" / "lstm.py").mkdir(parents=True)
    (folder / "link.py").symlink_to(REPOSITORY / "solutions" / "lstm.py")
    (folder / "link_to_folder").symlink_to(REPOSITORY / "solutions")
    (folder / "link_in_folder").mkdir()
    (folder / "link_in_folder" / "lstm.py").symlink_to(REPOSITORY / "solutions" / "lstm.py")

    zipped(folder / "absolute.zip", {"/tmp/lstm.py": LSTM})
    cut = zipped(folder / "archive_cut_short.zip", {"lstm.py": LSTM})
    cut.write_bytes(cut.read_bytes()[:300])
    zipped(folder / "archive_empty.zip", {})
    (folder / "archive_of_no_bytes.zip").write_bytes(b"")
    zipped(folder / "bomb.zip", {"lstm.py": LSTM, "data.bin": bytes(101 << 20)})
    locked = zipped(folder / "encrypted.zip", {"lstm.py": LSTM})
    data = bytearray(locked.read_bytes())
    data[6] |= 1  # the flags in the member's own header, and in the central directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    zipped(folder / "escaping.zip", {"../../lstm.py": LSTM})
    link = zipfile.ZipInfo("lstm.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    zipped(folder / "link_in_archive.zip", {link: "/etc/passwd"})
    zipped(folder / "many_entries.zip", {"lstm.py": LSTM, **{f"{i}.txt": "" for i in range(1000)}})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder far from the repository, with the class in it, and an empty one for temporary files."""
    folder = tmp_path_factory.mktemp("course")
    build_class(folder / "submissions")
    (folder / "temporary").mkdir()
    (folder / "elsewhere").mkdir()
    return folder


@pytest.fixture(scope="module")
def graded(run: Run, place: Path) -> Graded:
    """The class, graded from another folder than the one it lies in."""
    process = run(
        "grade",
        "../submissions",
        *("-o", "../out", "--seed", str(SEED), "--jobs", "2"),
        cwd=place / "elsewhere",
        TMPDIR=str(place / "temporary"),
    )
    return Graded(process, place / "out")


def test_a_class_is_graded_from_any_folder(graded: Graded, place: Path) -> None:
    assert graded.process.returncode == 0, graded.process.stderr
    assert graded.process.stderr == ""
    assert f"Seed {SEED}. Results are in ../out." in graded.process.stdout
    others = {"evil", "resubmitted_wrong", "stops_early"}
    assert {result["submission"] for result in graded.results} == {
        *(*FULL, *NOT_GRADED, *ZERO, *TOO_DEEP, *others)
    }
    assert list((place / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", FULL, ids=ascii)
def test_what_is_unusual_but_right_gets_full_marks(graded: Graded, name: str) -> None:
    assert graded.marks(name) == {"lstm": (6.0, 6.0)}
    assert graded.messages(name) == []


@pytest.mark.parametrize("name", NOT_GRADED)
def test_what_cannot_be_taken_is_absent_and_says_what_to_do(graded: Graded, name: str) -> None:
    assert graded.marks(name) == {None: (0.0, 0.0)}
    sentence = graded.said(name)[0]
    assert re.fullmatch(NOT_GRADED[name], sentence)
    assert unescaped(sentence) in unescaped(graded.gradescope(name)["output"])
    assert unescaped(sentence) in unescaped(graded.feedback(name))


@pytest.mark.parametrize("name", ZERO)
def test_what_cannot_be_run_gets_nothing_and_one_sentence(graded: Graded, name: str) -> None:
    assert graded.marks(name) == {"lstm": (0.0, 6.0)}
    [sentence] = graded.said(name)
    assert re.fullmatch(ZERO[name], sentence)
    assert {todo["verdict"] for todo in graded.of(name)[0]["todos"]} == {"error"}
    assert all(sentence in test["output"] for test in graded.gradescope(name)["tests"])
    assert sentence in graded.feedback(name)


@pytest.mark.parametrize("name", TOO_DEEP)
def test_code_nested_too_deeply_is_an_error_in_a_short_sentence(graded: Graded, name: str) -> None:
    """A MemoryError of the parser is no lack of memory, and its name tells a student nothing."""
    assert graded.marks(name) == {"lstm": (0.0, 6.0)}
    assert {todo["verdict"] for todo in graded.of(name)[0]["todos"]} == {"error"}
    [message] = graded.said(name)
    assert len(message) < 500
    assert re.search(
        r"lstm\.py.*\bnest|too many nested parentheses\n  in lstm\.py, line 1", message
    )


@pytest.mark.parametrize("name", [*NOT_GRADED, *ZERO, *TOO_DEEP])
def test_no_message_shows_anything_of_the_grader(graded: Graded, name: str) -> None:
    for text in (*graded.said(name), graded.feedback(name)):
        assert "Traceback" not in text
        assert not re.search(r"autograder/|nbformat|zipfile|Refused|/submission-", text)


def test_every_sentence_begins_like_one(graded: Graded) -> None:
    """With a capital letter, or with the name of a file or of the submission."""
    for result in graded.results:
        names = (
            result["source"] or result["submission"],
            '"=1+1.py" ',
            "lstm.py ",
            "lstm.ipynb, ",
            "link.py ",
        )
        for note in result["notes"]:
            assert note[0].isupper() or note.startswith(names), note


def test_the_broken_cell_is_named_and_the_others_count(graded: Graded) -> None:
    [note] = graded.said("cell_broken")
    assert re.fullmatch(r"lstm\.ipynb, cell 1 is left out: .+ \(line 1\)\.", note)


def test_the_latest_resubmission_counts(graded: Graded) -> None:
    assert graded.of("resubmitted_right")[0]["source"] == "lstm (2).py"
    assert graded.of("resubmitted_wrong")[0]["source"] == "lstm-10.py"
    assert graded.marks("resubmitted_wrong") == {"lstm": (3.0, 6.0)}


def test_a_file_found_by_its_classes_is_named(graded: Graded) -> None:
    assert graded.said("wrongly_named") == ["homework_final.py is graded as lstm, by its classes."]


def test_files_that_are_not_looked_at_are_listed(graded: Graded) -> None:
    assert "Not looked at: report.txt." in graded.said("text_only")
    assert "Links are ignored: lstm.py." in graded.said("link_in_folder")


def test_a_hangul_name_taken_apart_is_put_together(graded: Graded) -> None:
    """macOS stores names in NFD."""
    assert graded.of("박지훈")[0]["source"] == "과제 제출/lstm.py"
    assert (graded.out / "feedback" / "박지훈").is_dir()


def test_output_is_cut(graded: Graded) -> None:
    output = graded.of("prints_much")[0]["output"]
    assert output.startswith("line 0\nline 1\n")
    assert len(output) == 2000


def test_no_message_names_the_folder_that_a_worker_happened_to_get(graded: Graded) -> None:
    """It differs from run to run, and the student has never seen it."""
    [message] = graded.said("names_its_folder")
    assert '("NotADirectoryError: ' in message
    assert "submission-" not in message


def test_what_stands_above_the_line_that_fails_is_graded_if_it_is_all(graded: Graded) -> None:
    """A training loop at the end, say, whose data is not here."""
    line = LSTM.count("\n") + 2
    [said] = graded.said("stops_late")
    assert said.startswith(
        f"lstm.py stopped in line {line}: what stands above it was graded, and nothing below it was run "
        '("FileNotFoundError: '
    )
    assert graded.marks("stops_early") == {"lstm": (0.0, 6.0)}
    assert "in lstm.py, line 1: open('data.csv')" in graded.messages("stops_early")[0]


# ---------------------------------------------------------------- the files in OUT


def test_out_holds_results_grades_and_feedback_only(graded: Graded) -> None:
    assert {path.name for path in graded.out.iterdir()} == {
        "results.jsonl",
        "results.sqlite",
        "grades.csv",
        "feedback",
    }
    names = {result["submission"] for result in graded.results}
    assert {path.name for path in (graded.out / "feedback").iterdir()} == names
    for folder in (graded.out / "feedback").iterdir():
        assert {path.name for path in folder.iterdir()} == {"results.json", "feedback.md"}


def test_every_line_of_results_has_the_documented_fields(graded: Graded) -> None:
    fields = {
        "submission": str,
        "assignment": str | None,
        "score": float,
        "max_score": float,
        "seed": int,
        "tier": str,
        "seconds": float,
        "todos": list,
    }
    besides = {"device": str, "source": str, "notes": list, "output": str}
    besides |= {"shortcuts": list, "attempts": list}
    todo_fields = {
        "id": str,
        "score": float,
        "max_score": float,
        "verdict": str,
        "carried_from": list,
        "diagnosis": list,
        "undecided": bool,
        "hints": list,
        "feedback": list,
        "evidence": list,
        "checks": list,
    }
    check_fields = {
        "id": str,
        "title": str,
        "passed": bool,
        "message": str,
        "ran": bool,
        "withheld": bool,
    }
    verdicts = "passed|failed|not attempted|error|timeout|out of memory|crashed"
    for result in graded.results:
        origin = {"versions": dict} | ({"digests": dict} if result["assignment"] else {})
        assert_fields(result, fields | besides | origin)
        assert result["seed"] == SEED
        assert result["assignment"] in (None, "lstm")
        assert result["score"] == sum(todo["score"] for todo in result["todos"])
        assert result["max_score"] == sum(todo["max_score"] for todo in result["todos"])
        for todo in result["todos"]:
            assert_fields(todo, todo_fields)
            assert re.fullmatch(verdicts, todo["verdict"])
            assert (todo["score"] == todo["max_score"]) == (todo["verdict"] == "passed")
            for check in todo["checks"]:
                assert_fields(check, check_fields)


def assert_fields(value: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    assert value.keys() == fields.keys()
    for name, kind in fields.items():
        assert isinstance(value[name], kind), f"{name} is {value[name]!r}"


def test_the_table_of_grades_has_one_row_a_submission(graded: Graded) -> None:
    assert (graded.out / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbfsubmission,")
    assert len(graded.rows) == len({result["submission"] for result in graded.results})
    rows = {row["submission"]: row for row in graded.rows}
    assert len(rows) == len(graded.rows)
    wrong = rows["resubmitted_wrong"]
    assert wrong["total"] == wrong["lstm"] == "3"
    assert (wrong["out of"], wrong["lstm.h0_c0"], wrong["lstm.last_step"]) == ("6", "3", "0")
    absent = rows["text_only"]
    assert (absent["total"], absent["out of"]) == ("0", "0")
    assert absent["lstm"] == absent["lstm.h0_c0"] == ""


def test_no_cell_of_the_table_is_a_formula(graded: Graded) -> None:
    names = [row["submission"] for row in graded.rows]
    assert "'=cmd" in names
    assert "=cmd" not in names
    [note] = [row["notes"] for row in graded.rows if row["submission"] == "formula_file"]
    assert note == '"=1+1.py" is graded as lstm, by its classes.'
    for row in graded.rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@"))
            assert not HARMFUL.search(cell)


def test_every_results_json_fits_gradescope(graded: Graded) -> None:
    schema = strict_json((REPOSITORY / "tests" / "gradescope.schema.json").read_text("utf-8"))
    for name in {result["submission"] for result in graded.results}:
        answer = graded.gradescope(name)
        jsonschema.validate(answer, schema)
        assert not HARMFUL.search(answer["output"])
        assert answer["score"] == sum(test["score"] for test in answer["tests"])
        assert answer["score"] == sum(score for score, _ in graded.marks(name).values())
        for test in answer["tests"]:
            assert 0 <= test["score"] <= test["max_score"]
            passed = test["score"] == test["max_score"]
            assert test["status"] == ("passed" if passed else "failed")
            assert not HARMFUL.search(test["output"] + test["name"])


# ---------------------------------------------------------------- a student's text


def outside_of_fences(text: str) -> str:
    """The lines of a Markdown text that are not in a code block (CommonMark, section 4.5)."""
    lines, fence = [], ""
    for line in text.split("\n"):
        bar = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            if bar and bar[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
        elif bar:
            fence = bar[1]
        else:
            lines.append(line)
    assert not fence
    return "\n".join(lines)


def test_feedback_shows_a_students_text_in_blocks_that_it_cannot_end(graded: Graded) -> None:
    text = graded.feedback("evil")
    assert not HARMFUL.search(text)
    assert text.count("# a heading") == 3  # in the message, its quoted line, and the output
    assert text.count("[bold]loud[/bold]") == 3
    around = outside_of_fences(text)
    assert "## lstm: 3 of 6" in around
    assert "Your code printed:" in around
    for part in ("heading", "script", "bold", "error::", "gnp"):
        assert part not in around


def test_a_name_is_shown_as_it_is_and_does_nothing(graded: Graded) -> None:
    shown = "[bold]eve �[31m�`*_x"
    assert not HARMFUL.search(graded.process.stdout)
    assert f"\n{shown} " in graded.process.stdout
    assert shown in [row["submission"] for row in graded.rows]
    text = graded.feedback(EVIL_NAME)
    assert not HARMFUL.search(text)
    title = text.splitlines()[0]
    assert unescaped(title) == f"# {shown}"
    assert not re.search(r"(?<!\\)[`*_\[\]]", title)


def test_the_terminal_lists_everyone(graded: Graded) -> None:
    lines = graded.process.stdout.splitlines()
    assert lines[0].split() == ["submission", "lstm", "what", "is", "wrong"]
    table = lines[1 : lines.index("")]
    assert len(table) == len(graded.rows)
    full = sum(re.search(r" 6/6\b", line) is not None for line in table)
    assert full == len(FULL)
    assert f"{len(table)} submissions, {full} with full marks." in lines
    assert all(cell_len(line) <= 100 for line in table)


# ---------------------------------------------------------------- nothing stays behind


@pytest.mark.parametrize("marker", [IN_GROUP, IN_OWN_SESSION], ids=["in_group", "in_own_session"])
def test_what_a_submission_started_is_gone(graded: Graded, marker: str) -> None:
    """Also where it ignores SIGTERM, and where it left its worker's process group."""
    assert graded.marks("leaves_processes") == {"lstm": (6.0, 6.0)}
    wait_until(lambda: not left_behind(marker), "its processes are gone", seconds=10)


def test_no_temporary_file_stays(graded: Graded, place: Path) -> None:
    assert graded.process.returncode == 0
    assert list((place / "temporary").iterdir()) == []


# ---------------------------------------------------------------- the same again


def test_the_same_seed_gives_the_same_results_with_any_number_of_jobs(
    graded: Graded, run: Run, place: Path
) -> None:
    arguments = ("-o", "out one job", "--seed", str(SEED), "--jobs", "1")
    process = run("grade", "submissions", *arguments, cwd=place)
    again = Graded(process, place / "out one job")
    assert [without_time(r) for r in again.results] == [without_time(r) for r in graded.results]
    assert (again.out / "grades.csv").read_bytes() == (graded.out / "grades.csv").read_bytes()


def without_time(result: Mapping[str, Any]) -> dict[str, Any]:
    """What must be equal; that a message names the worker's folder has a test of its own."""
    text = json.dumps({k: v for k, v in result.items() if k != "seconds"})
    answer = json.loads(re.sub(r"/[^' ]*/submission-\w+", "HOME", text))
    assert isinstance(answer, dict)
    return answer


# ---------------------------------------------------------------- names, and --expect

NFC, NFD = unicodedata.normalize("NFC", "김"), unicodedata.normalize("NFD", "김")


@pytest.fixture(scope="module")
def expected(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """A class with names that collide, graded with --expect."""
    folder = tmp_path_factory.mktemp("expected")
    submissions = folder / "submissions"
    hand_in(submissions / "all_right", ALL)
    hand_in(submissions / "untouched", UNTOUCHED)
    exits = LSTM + leaving(in_group=FORKED) + "os._exit(3)\n"
    hand_in(submissions / "forks_and_exits", {"lstm.py": exits})
    hand_in(submissions / "only_lstm", {"lstm.py": LSTM})
    hand_in(submissions / "nothing", {"report.txt": "My report."})
    (submissions / "damaged.zip").write_bytes(b"PK")
    hand_in(submissions, {"...py": LSTM, "..py": LSTM, "twin.py": LSTM})
    hand_in(submissions / "twin", {"lstm.py": LSTM})
    zipped(submissions / "twin.py.zip", {"lstm.py": FIRST_STEP})
    hand_in(submissions / NFC, {"lstm.py": LSTM})
    hand_in(submissions / NFD, {"lstm.py": FIRST_STEP})
    process = run(
        "grade",
        submissions,
        *("-o", folder / "out", "--expect", "lstm,attention", "--expect", "vit"),
        cwd=folder,
    )
    return Graded(process, folder / "out")


def test_an_expected_assignment_that_is_missing_is_a_zero(expected: Graded) -> None:
    assert expected.process.returncode == 0, expected.process.stderr
    zeros = {"attention": (0.0, 8.0), "vit": (0.0, 10.0)}
    assert expected.marks("only_lstm") == {"lstm": (6.0, 6.0), **zeros}
    assert expected.marks("nothing") == {"lstm": (0.0, 6.0), **zeros}
    assert expected.marks("damaged") == {"lstm": (0.0, 6.0), **zeros}
    assert expected.messages("only_lstm") == [
        "No attention was found in what was handed in.",
        "No vit was found in what was handed in.",
    ]
    assert expected.messages("damaged") == [
        "damaged.zip is not a zip that can be read; pack it again."
    ]
    [row] = [row for row in expected.rows if row["submission"] == "only_lstm"]
    assert (row["total"], row["out of"], row["attention"], row["aae"]) == ("6", "24", "0", "")


def test_an_assignment_that_is_not_expected_is_absent(expected: Graded, graded: Graded) -> None:
    assert "aae" not in expected.marks("only_lstm")
    assert graded.marks("honest").keys() == {"lstm"}


def test_the_reference_gets_full_marks_and_the_stub_none(expected: Graded) -> None:
    totals = {"lstm": 6.0, "attention": 8.0, "vit": 10.0, "aae": 7.0}
    assert expected.marks("all_right") == {name: (most, most) for name, most in totals.items()}
    assert expected.marks("untouched") == {name: (0.0, most) for name, most in totals.items()}


def test_the_terminal_shows_names_and_points_however_much_is_wrong(expected: Graded) -> None:
    """Piped, and 100 columns wide: what is wrong may be cut, the marks may not."""
    lines = expected.process.stdout.splitlines()
    assert lines[0].split()[:5] == ["submission", "aae", "attention", "lstm", "vit"]
    [right] = [line for line in lines if line.startswith("all_right ")]
    assert right.split()[1:] == ["7/7", "8/8", "6/6", "10/10"]
    [untouched] = [line for line in lines if line.startswith("untouched ")]
    assert untouched.split()[1:5] == ["0/7", "0/8", "0/6", "0/10"]
    assert untouched.split()[5].startswith("aae")
    assert "not attempted" in untouched


def test_an_exit_is_noticed_although_a_fork_holds_the_connection(expected: Graded) -> None:
    [message] = [m for m in expected.messages("forks_and_exits") if "found" not in m]
    assert "exited with status 3 while importing it" in message


def test_no_name_leads_out_of_the_feedback_folder(expected: Graded) -> None:
    """`...py` without its ending is `..`."""
    assert {path.name for path in expected.out.iterdir()} == {
        "results.jsonl",
        "results.sqlite",
        "grades.csv",
        "feedback",
    }
    assert all(path.is_dir() for path in (expected.out / "feedback").iterdir())


def test_submissions_with_colliding_names_stay_apart(expected: Graded) -> None:
    """On Linux one name can exist in NFC and in NFD; and endings that are cut may be all there was."""
    lstm = [result for result in expected.results if result["assignment"] == "lstm"]
    names = [result["submission"] for result in lstm]
    assert len(names) == 13
    assert len(set(names)) == 13
    assert len(expected.rows) == 13
    assert len(list((expected.out / "feedback").iterdir())) == 13
    assert sum(row["lstm"] == "6" for row in expected.rows) == 7


# ---------------------------------------------------------------- text that is no text


@pytest.fixture(scope="module")
def surrogates(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Names of bytes that are no UTF-8, a worker that sends half a character, and a terminal that
    takes ASCII only (as a Korean Windows takes CP949 only, in a pipe)."""
    folder = tmp_path_factory.mktemp("surrogates")
    submissions = folder / "submissions"
    hand_in(submissions / "honest", {"lstm.py": LSTM})
    hand_in(submissions / "Zoë ✓", {"lstm.py": LSTM})
    for name in (b"\xff", b"\xfe"):
        (submissions / os.fsdecode(name + b".py")).write_text(LSTM)
    hand_in(submissions / "file_inside", {os.fsdecode(b"\xff.txt"): "", "lstm.py": LSTM})
    half = r"""
import json
from autograder import frames

class Ascii:
    dumps = staticmethod(lambda value, **_: json.dumps(value))
    loads = staticmethod(json.loads)

frames.json = Ascii
raise ValueError("half \ud83d of a character")
"""
    hand_in(submissions / "half_a_character", {"lstm.py": LSTM + half})
    process = run("grade", submissions, "-o", folder / "out", cwd=folder, PYTHONIOENCODING="ascii")
    return Graded(process, folder / "out")


def test_text_that_cannot_be_written_takes_nobody_down(surrogates: Graded) -> None:
    assert surrogates.process.returncode == 0, surrogates.process.stderr[-2000:]
    assert_no_traceback(surrogates.process)
    assert surrogates.marks("honest") == {"lstm": (6.0, 6.0)}
    assert surrogates.marks("file_inside") == {"lstm": (6.0, 6.0)}
    assert len(surrogates.rows) == 6
    assert len({row["submission"] for row in surrogates.rows}) == 6
    assert sum(row["lstm"] == "6" for row in surrogates.rows) == 5
    assert "6 submissions, 5 with full marks." in surrogates.process.stdout


def test_half_a_character_is_an_answer_that_cannot_be_read(surrogates: Graded) -> None:
    """A worker never sends one by itself: this one was made to."""
    assert surrogates.marks("half_a_character") == {"lstm": (0.0, 6.0)}
    [message] = surrogates.messages("half_a_character")
    assert "its process sent an answer that cannot be read" in message


# ---------------------------------------------------------------- files that may not be read


@pytest.fixture(scope="module")
def locked(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """Some files may not be read. Root may read all: then without the capabilities for that."""
    folder = tmp_path_factory.mktemp("locked")
    submissions = folder / "submissions"
    hand_in(submissions / NFD, {"lstm.py": LSTM})
    hand_in(submissions / "not_asked_for", {"lstm.py": LSTM})
    hand_in(submissions / "locked_file", {"lstm.py": LSTM})
    hand_in(submissions / "locked_folder", {"lstm.py": LSTM})
    zipped(submissions / "locked_archive.zip", {"lstm.py": LSTM})
    (submissions / "locked_file" / "lstm.py").chmod(0)
    (submissions / "locked_archive.zip").chmod(0)
    (submissions / "locked_folder").chmod(0)
    names = (NFC, "locked_file", "locked_folder", "locked_archive")
    only = [argument for name in names for argument in ("--only", name)]
    command = [Path(sys.executable).with_name("autograder")]
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read everything, and setpriv is not here to take that away")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    process = subprocess.run(
        [*command, "grade", submissions, "-o", folder / "out", "--trust", *only],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    (submissions / "locked_folder").chmod(0o700)  # so that pytest can remove it
    return Graded(process, folder / "out")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("locked_file", "lstm.py"),
        ("locked_folder", "locked_folder"),
        ("locked_archive", "locked_archive.zip"),
    ],
)
def test_what_may_not_be_read_is_said_in_a_sentence(locked: Graded, name: str, file: str) -> None:
    assert locked.process.returncode == 0, locked.process.stderr
    assert_no_traceback(locked.process)
    assert locked.marks(name) == {None: (0.0, 0.0)}
    assert locked.said(name)[0].startswith(f"{file} cannot be read; its permissions forbid it")


def test_only_grades_whom_it_names_in_any_unicode_form(locked: Graded) -> None:
    assert locked.marks(NFC) == {"lstm": (6.0, 6.0)}
    assert len(locked.rows) == 4
    assert locked.of("not_asked_for") == []


# ---------------------------------------------------------------- commands that cannot work


def test_a_class_of_nobody_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "class" / "__MACOSX").mkdir(parents=True)
    process = run("grade", "class", "-o", "out", cwd=tmp_path)
    assert_refuses(process, "class holds no submissions; each file, folder or zip in it is one.")
    assert not (tmp_path / "out").exists()


def test_submissions_that_do_not_exist_are_named(run: Run, tmp_path: Path) -> None:
    process = run("grade", "clas", "-o", "out", cwd=tmp_path)
    assert_refuses(process, "clas does not exist; give the folder that holds the submissions.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["class", "class/out", "elsewhere/../class/deep/out"])
def test_out_inside_submissions_is_refused(run: Run, tmp_path: Path, out: str) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    process = run("grade", "class", "-o", out, cwd=tmp_path)
    assert_refuses(process, f"{out} lies inside class")
    assert [path.name for path in (tmp_path / "class").iterdir()] == ["honest"]


def test_out_that_is_a_file_is_refused_and_kept(run: Run, tmp_path: Path) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    (tmp_path / "out").write_text("mine")
    process = run("grade", "class", "-o", "out", cwd=tmp_path)
    assert_refuses(process, "out is a file; give -o a folder.")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("command", ["grade", "check"])
def test_a_place_that_cannot_be_written_is_named_as_it_was_given(
    run: Run, tmp_path: Path, command: str
) -> None:
    """Not the file beside it that is written first."""
    (tmp_path / "lstm.py").write_text("")
    option, place = {"grade": ("-o", "lstm.py/out"), "check": ("--classroom", "no/where.json")}[
        command
    ]
    done = run(command, "lstm.py", option, place, cwd=tmp_path)
    assert_refuses(done, f"{place} could not be read or written: ")


def test_only_with_an_unknown_name_tells_which_there_are(run: Run, tmp_path: Path) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    process = run("grade", "class", "-o", "out", "--only", "honset", cwd=tmp_path)
    assert_refuses(process, "honset", "honest")
    assert not (tmp_path / "out").exists()


def test_expect_with_an_unknown_assignment_tells_which_there_are(run: Run, tmp_path: Path) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    process = run("grade", "class", "-o", "out", "--expect", "lstm,vti", cwd=tmp_path)
    assert_refuses(process, "--expect", "vti", "aae, attention, lstm, vit")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- stopped in the middle

SLOW = LSTM.replace("        out, (hn, cn)", "        time.sleep(3)\n        out, (hn, cn)", 1)
assert SLOW != LSTM


class Running:
    """A grader in the middle of a class: the fast ones are done, the slow ones are being graded."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        submissions = folder / "submissions"
        slow = "import time\n" + SLOW
        for name in ("fast_1", "fast_2"):
            hand_in(submissions / name, {"lstm.py": LSTM})
        for name in ("slow_1", "slow_2", "slow_3", "slow_4", "slow_5"):
            hand_in(submissions / name, {"lstm.py": slow})
        self.process = subprocess.Popen(
            [
                Path(sys.executable).with_name("autograder"),
                *("grade", submissions, "-o", self.out, "--jobs", "2", "--trust"),
            ],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,  # so that a signal to the group, as from a terminal, stays here
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_the_middle(self) -> list[psutil.Process]:
        """Wait; returns every process of the grader."""
        try:
            wait_until(lambda: self.done() == ["fast_1", "fast_2"], "the fast ones are done")
            wait_until(lambda: len(self.processes()) == 3, "two slow ones are being graded")
        except BaseException:
            self.process.kill()
            self.process.communicate()
            raise
        return self.processes()

    def processes(self) -> list[psutil.Process]:
        """The warm process, and the workers."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def done(self) -> list[str]:
        file = self.out / "results.jsonl"
        lines = file.read_text("utf-8").splitlines(keepends=True) if file.is_file() else []
        return sorted(strict_json(line)["submission"] for line in lines if line.endswith("\n"))


def test_a_ctrl_c_leaves_valid_files_and_no_process(tmp_path: Path) -> None:
    running = Running(tmp_path)
    workers = running.wait_for_the_middle()
    os.killpg(running.process.pid, signal.SIGINT)
    _, errors = running.process.communicate(timeout=60)
    assert running.process.returncode == 130
    assert errors == "Interrupted; what was graded until then is complete.\n"
    graded = Graded(subprocess.CompletedProcess([], 130), running.out)
    names = [result["submission"] for result in graded.results]
    assert names == ["fast_1", "fast_2"]
    assert [row["submission"] for row in graded.rows] == names
    assert graded.marks("fast_1") == {"lstm": (6.0, 6.0)}
    assert graded.gradescope("fast_2")["score"] == 6.0
    wait_until(lambda: not any(map(is_alive, workers)), "its workers are gone", seconds=10)
    assert list(running.temporary.iterdir()) == []


def test_a_killed_grader_leaves_no_process(tmp_path: Path) -> None:
    running = Running(tmp_path)
    workers = running.wait_for_the_middle()
    running.process.kill()
    running.process.communicate(timeout=60)
    wait_until(lambda: not any(map(is_alive, workers)), "its workers are gone", seconds=10)
    assert running.done() == ["fast_1", "fast_2"]


def test_a_grader_that_is_killed_while_torch_loads_leaves_no_folder(tmp_path: Path) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    (temporary := tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("autograder"), "grade", "class", "-o", "out", "--trust"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: any(temporary.iterdir()), "the folder for its workers is there")
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not any(map(is_alive, children)), "the warm process is gone", seconds=60)
    assert list(temporary.iterdir()) == []


def test_a_ctrl_c_before_the_first_result_ends_in_a_sentence(tmp_path: Path) -> None:
    hand_in(tmp_path / "class" / "honest", {"lstm.py": LSTM})
    process = subprocess.Popen(
        [Path(sys.executable).with_name("autograder"), "grade", "class", "-o", "out", "--trust"],
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    own = psutil.Process(process.pid)
    wait_until(lambda: bool(own.children()), "the warm process starts")
    children = own.children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == ""
    assert re.fullmatch(r"Interrupted[^\n]*\.\n", errors)
    wait_until(lambda: not any(map(is_alive, children)), "the warm process is gone", seconds=10)


def is_alive(process: psutil.Process) -> bool:
    """A zombie that nobody has waited for yet is dead."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_grading_one_again_keeps_the_results_of_the_others(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    for name in ("ann", "ben"):
        (folder / f"{name}.py").write_text(LSTM, "utf-8")
    out = tmp_path / "out"
    assert run("grade", folder, "-o", out, cwd=tmp_path).returncode == 0
    (folder / "ben.py").write_text("class LSTMClassifier:\n    pass\n")
    process = run("grade", folder, "-o", out, "--only", "ben", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]
    assert [(line["submission"], line["score"]) for line in lines] == [("ann", 6.0), ("ben", 0.0)]
    assert len((out / "grades.csv").read_text("utf-8").splitlines()) == 3
    assert (out / "feedback" / "ann" / "feedback.md").is_file()
