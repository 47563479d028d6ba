"""Attempts: what no answer needs is noticed, told to the TA, and costs a right answer nothing."""

import io
from dataclasses import replace
from textwrap import dedent

import pytest
from rich.console import Console

from autograder.frames import encode
from autograder.noticed import MOST, Noticed, Spot, pack
from autograder.reports.files import feedback
from autograder.reports.terminal import class_table
from autograder.results import Attempt, Result
from tests.conftest import Grader, messages


def graded(grader: Grader, code: str) -> Result:
    """A right answer that does something more when it is imported."""
    return grader.grade("lstm", f"{dedent(code).strip()}\n{grader.solution('lstm')}")


TRIED = {
    "a socket": ("import socket\nsocket.socket()", "opened a socket"),
    "a download": (
        "import urllib.request as u\nu.urlopen('http://127.0.0.1:9')",
        "opened a socket",
    ),
    "a program": ("import subprocess\nsubprocess.run(['true'])", "ran a program"),
    "a shell": ("import os\nos.system('true')", "ran a program"),
    "a child": ("import os\nos.fork() or os._exit(0)", "started a process"),
    "a signal": ("import os\nos.kill(os.getppid(), 0)", "signalled another process"),
    "a file": ("import os\nopen('/etc/passwd')", "read outside its folder"),
    "a folder": ("import pathlib\nlist(pathlib.Path('..').iterdir())", "read outside its folder"),
    "a link": ("import os\nos.symlink('/etc/passwd', 'x')", "read outside its folder"),
    "a file that is written": (
        "import os\nopen('/tmp/x', 'a')",
        "changed files outside its folder",
    ),
    "a process": ("import os\nopen('/proc/1/environ')", "looked into processes"),
    "native code": ("import ctypes\nctypes.CDLL(None)", "called native code"),
    "memory": ("import gc\ngc.get_objects()", "searched the memory of its process"),
    "the stack": ("import sys\nsys._getframe(1)", "looked at the grader's stack"),
    "a tracer": ("import sys\nsys.settrace(None)", "watched the interpreter"),
}


@pytest.mark.parametrize(("code", "what"), TRIED.values(), ids=TRIED)
def test_it_is_noticed_with_its_line_and_costs_nothing(
    grader: Grader, code: str, what: str
) -> None:
    first, then = code.split("\n")
    result = graded(grader, f"{first}\ntry:\n    {then}\nexcept OSError:\n    pass\n")
    # A tier without a lockdown lets a child live: then that is told as well.
    found = [a for a in result.attempts if a.what != "left a process behind"]
    assert found == [Attempt(what, "lstm.py", 3)]
    assert result.score == result.max_score


HONEST = {
    "its own files": """
        import os, pathlib
        pathlib.Path("data").mkdir()
        pathlib.Path("data/a.txt").write_text("1")
        assert os.listdir("data") == ["a.txt"]
        os.rename("data/a.txt", "b.txt")
        os.remove(os.path.abspath("b.txt"))
    """,
    "a temporary file": """
        import tempfile
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
            file.write(b"1")
    """,
    "what the machine is": "import platform, uuid\nplatform.platform(), uuid.uuid1()",
    "libraries that are loaded": "import asyncio, http.server, multiprocessing, unittest, sqlite3",
    "a traceback": """
        import traceback, warnings
        try:
            1 / 0
        except ZeroDivisionError:
            traceback.print_exc()
        warnings.warn("look")
    """,
    "types of its own": """
        import dataclasses, enum, inspect, typing
        class Pair(typing.NamedTuple):
            x: int
        @dataclasses.dataclass
        class Config:
            x: int = 1
        Kind = enum.Enum("Kind", "a b")
        inspect.getsource(Pair) or inspect.currentframe()
    """,
    "torch saved and loaded": """
        import torch
        torch.save({"x": torch.ones(2)}, "x.pt")
        torch.load("x.pt")
        torch.manual_seed(1)
        torch.utils.data.DataLoader(range(4))
    """,
    "its own size": """
        try:
            open("/proc/self/status").read()
        except OSError:
            pass
    """,
    "its own end": "import os, signal\nos.kill(os.getpid(), 0)",
    "an installed package": "import einops, nbformat, numpy\nnumpy.savetxt('x.txt', [1])",
    "more text than is kept": "print('x' * 100_000)",
}


@pytest.mark.parametrize("code", HONEST.values(), ids=HONEST)
def test_what_honest_code_does_is_no_attempt(grader: Grader, code: str) -> None:
    result = graded(grader, code)
    assert result.attempts == ()
    assert result.score == result.max_score, messages(result)


def test_it_is_noticed_while_a_check_runs(grader: Grader) -> None:
    source = grader.solution("lstm")
    line = "        return logits\n"
    assert source.count(line) == 1
    look = "        import gc; gc.get_objects()\n"
    result = grader.grade("lstm", source.replace(line, look + line))
    [found] = result.attempts
    assert found.what == "searched the memory of its process"
    assert source.split("\n")[found.line - 1] + "\n" == line


def test_what_helpers_and_threads_do_is_noticed_too(grader: Grader) -> None:
    helper = b"import threading\ndef run():\n    import socket\n    socket.getaddrinfo('x', 1)\n"
    helper += b"def quiet():\n    try:\n        run()\n    except OSError:\n        pass\n"
    source = (
        "import threading, helper\nt = threading.Thread(target=helper.quiet)\nt.start(); t.join()\n"
    )
    result = grader.grade("lstm", source + grader.solution("lstm"), helpers={"helper.py": helper})
    assert result.attempts == (Attempt("opened a socket", "helper.py", 4),)


def test_each_kind_is_told_once_and_in_the_same_order(grader: Grader) -> None:
    code = """
        import gc, sys
        for _ in range(1000):
            sys.settrace(None)
            gc.get_objects()
    """
    found = [(a.what, a.line) for a in graded(grader, code).attempts]
    assert found == [("searched the memory of its process", 4), ("watched the interpreter", 3)]


# What the judge sees itself


def test_frames_that_nobody_asked_for_are_noticed(grader: Grader) -> None:
    frame = encode({"imported": True, "placeholders": [], "notes": []})
    # Twice, as the worker's own answer, the next one, may come before the next question or after it.
    found = graded(grader, f"import os\nos.write(3, {frame * 2!r})").attempts
    assert Attempt("answered before it was asked", "", 0) in found


def test_a_frame_that_cannot_be_read_is_noticed(grader: Grader) -> None:
    found = graded(grader, "import os\nos.write(3, bytes(4) + b'\\xff' * 99)").attempts
    assert found == (Attempt("sent an answer that cannot be read", "", 0),)


def test_an_answer_that_makes_no_sense_is_noticed(grader: Grader) -> None:
    frame = encode({"all": "well"})
    found = graded(grader, f"import os, time\nos.write(3, {frame!r}); time.sleep(9)").attempts
    assert found == (Attempt("sent an answer that makes no sense", "", 0),)


FORGED = {
    "no object": [],
    "another key": {"accused": []},
    "no list": {"attempted": {}},
    "no place": {"attempted": [["socket"]]},
    "no line": {"attempted": [["socket", "a.py", True]]},
    "a negative line": {"called": [["f", "a.py", -1]]},
    "too many": {"mentioned": [["f", "a.py", 1]] * (MOST + 1)},
}


@pytest.mark.parametrize("tree", FORGED.values(), ids=FORGED)
def test_what_is_not_as_it_should_be_is_refused(tree: object) -> None:
    with pytest.raises(ValueError, match="noticed"):
        Noticed().add_packed(tree)


def test_a_forged_report_is_a_frame_that_cannot_be_read(grader: Grader) -> None:
    frame = encode({"imported": True, "placeholders": [], "notes": [], "noticed": [1]})
    result = graded(grader, f"import os, time\nos.write(3, {frame!r}); time.sleep(9)")
    assert [a.what for a in result.attempts] == ["sent an answer that cannot be read"]
    assert {t.verdict for t in result.todos} == {"error"}


def test_a_report_comes_through_as_it_was_and_within_its_limits() -> None:
    some = {("f", Spot("a.py", n)) for n in range(1, MOST + 9)}
    noticed = Noticed()
    noticed.add_packed(pack(mentioned=some, called=set(), attempted=set())["noticed"])
    assert noticed.mentioned == set(sorted(some)[:MOST])
    noticed.add_packed({"attempted": [["x" * 999, "y" * 999, 1]]})
    assert max(len(kind) + len(spot.file) for kind, spot in noticed.attempted.items()) == 400
    assert pack(mentioned=set()) == {}


# Whom it is told


def test_the_ta_is_told_and_the_student_is_not(grader: Grader) -> None:
    result = replace(graded(grader, "import gc\ngc.get_objects()"), submission="ann")
    assert Result.from_line(result.to_line()).attempts == result.attempts != ()
    console = Console(file=io.StringIO(), width=300)
    console.print(class_table([result], 100))
    assert isinstance(console.file, io.StringIO)
    sentence = "1 submission tried what no answer needs: ann (searched the memory of its process)."
    assert sentence in console.file.getvalue()
    assert "memory" not in feedback([result])
