"""Whatever a submission does to its process costs its own marks only, and gets the verdict it deserves.

Every submission here runs in a real worker. After each of them an honest one gets full marks.
"""

import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from autograder import pool
from autograder.absent import Absent
from autograder.course import Course
from autograder.judge import failure
from autograder.limits import DEFAULT, MIB, Limits
from autograder.observation import Observation, Raised, size
from autograder.pool import Warm
from autograder.results import Result
from autograder.tier import prove
from tests.conftest import REPOSITORY, Grader, messages, scores, todo

Grade = Callable[..., Result]


@pytest.fixture
def grade(grader: Grader) -> Iterator[Grade]:
    """Grade an lstm; afterwards, see that the grader is as good as before."""

    def call(source: str | bytes, assignment: str = "lstm", **settings: object) -> Result:
        result = grader.grade(assignment, source, **settings)  # type: ignore[arg-type]
        assert result.grader_error == ""
        assert result.to_line().encode(), "it can be written, whatever text it holds"
        return result

    yield call
    honest = grader.grade("lstm", grader.solution("lstm"))
    assert honest.score == honest.max_score


@pytest.fixture
def lstm(grader: Grader) -> str:
    return grader.solution("lstm")


@pytest.fixture(scope="module")
def unlocked() -> Iterator[Grader]:
    """A grader on a machine that cannot isolate anything."""
    with Warm(Course.find(REPOSITORY).check_files, lockdown=False) as warm:
        yield Grader(warm)


def at_import(solution: str, code: str) -> str:
    """A right answer that does something before it is defined."""
    return f"{dedent(code).strip()}\n{solution}"


def returning(solution: str, expression: str) -> str:
    """A model whose forward() is right but for what it returns."""
    line = "        return logits\n"
    assert solution.count(line) == 1
    return solution.replace(line, f"        return {expression}\n")


def in_forward(solution: str, code: str) -> str:
    """A right answer that does something at the end of forward()."""
    line = "        return logits\n"
    assert solution.count(line) == 1
    return solution.replace(line, indent(dedent(code).strip(), 8 * " ") + f"\n{line}")


def in_heads(grader: Grader, code: str) -> str:
    """A right attention.py that does something in multi-head attention, which is graded last."""
    line = "        # BEGIN SOLUTION mha\n"
    solution = grader.solution("attention")
    assert solution.count(line) == 1
    return solution.replace(line, indent(dedent(code).strip(), 8 * " ") + "\n")


def notebook(*cells: str, **metadata: str) -> str:
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "metadata": {},
                    "outputs": [],
                    "source": cell,
                }
                | ({"id": f"cell-{number}"} if metadata.get("ids", "yes") == "yes" else {})
                for number, cell in enumerate(cells)
            ],
        }
    )


def verdicts(result: Result) -> set[str]:
    return {todo.verdict for todo in result.todos}


# How a process ends: the same at import and in a check


ENDINGS = [
    pytest.param("import os; os._exit(0)", "error", "exited with status 0 {}", id="_exit(0)"),
    pytest.param("import os; os._exit(7)", "error", "exited with status 7 {}", id="_exit(7)"),
    pytest.param("raise SystemExit(0)", "error", "SystemExit: 0\n", id="SystemExit"),
    pytest.param("import sys; sys.exit('bye')", "error", "SystemExit: bye\n", id="sys.exit"),
    pytest.param("raise KeyboardInterrupt", "error", "KeyboardInterrupt\n", id="KeyboardInterrupt"),
    pytest.param("raise GeneratorExit", "error", "GeneratorExit\n", id="GeneratorExit"),
    pytest.param("1 / 0", "error", "ZeroDivisionError: division by zero\n", id="exception"),
    pytest.param(
        "f = lambda: f()\nf()", "error", "RecursionError: maximum recursion", id="recursion"
    ),
    pytest.param("x = bytearray(10**13)", "out of memory", "MemoryError", id="memory"),
    pytest.param(
        "import torch\nx = torch.empty(2**50)",
        "out of memory",
        "DefaultCPUAllocator: can't allocate memory",
        id="memory of torch",
    ),
    *(
        pytest.param(
            f"import os, signal; os.kill(os.getpid(), signal.{signal})",
            "crashed",
            f"ended by {signal} {{}}",
            id=signal,
        )
        for signal in ("SIGSEGV", "SIGKILL", "SIGABRT", "SIGALRM")
    ),
    pytest.param(
        "import ctypes; ctypes.string_at(0)", "crashed", "ended by SIGSEGV {}", id="null pointer"
    ),
    pytest.param("import os; os.close(3)", "error", "exited with status 1 {}", id="channel closed"),
    pytest.param(
        "import os; os.closerange(0, 4096)", "error", "exited with status 1 {}", id="all closed"
    ),
    pytest.param(
        "import os; os.write(3, b'junk' * 3)", "error", "an answer that cannot be read", id="junk"
    ),
    pytest.param(
        "import os; os.write(3, bytes(12))", "error", "an answer that cannot be read", id="zeros"
    ),
    pytest.param(
        """
        class Evil(Exception):
            def __str__(self): raise KeyboardInterrupt
        raise Evil
        """,
        "error",
        "",
        id="an error that cannot be shown",
    ),
]


@pytest.mark.parametrize(("code", "verdict", "message"), ENDINGS)
def test_an_end_at_import_is_the_verdict_on_everything(
    grade: Grade, lstm: str, code: str, verdict: str, message: str
) -> None:
    result = grade(at_import(lstm, code))
    assert verdicts(result) == {verdict}
    assert result.score == 0
    assert message.format("while importing it.") in messages(result)


@pytest.mark.parametrize(("code", "verdict", "message"), ENDINGS)
def test_an_end_in_a_check_leaves_what_was_seen_before(
    grade: Grade, grader: Grader, code: str, verdict: str, message: str
) -> None:
    result = grade(in_heads(grader, code), "attention")
    assert {t.id: t.verdict for t in result.todos} == {"sdpa": "passed", "mha": verdict}
    assert scores(result) == {"sdpa": 4.0, "mha": 0.0}
    assert message.format("in this check.") in messages(result)


def test_a_parser_that_runs_out_of_its_stack_is_not_out_of_memory(grade: Grade, lstm: str) -> None:
    result = grade(at_import(lstm, "x = " + "-" * 20_000 + "1"))
    assert verdicts(result) == {"error"}


# Time


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(1000)",
        "while True: pass",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["asleep", "busy", "stopped"],
)
def test_an_import_that_hangs_is_a_timeout(grade: Grade, lstm: str, code: str) -> None:
    result = grade(at_import(lstm, code), limits=Limits(import_seconds=1))
    assert verdicts(result) == {"timeout"}
    assert "Your code could not finish: it took longer than 1 s while importing it." in (
        messages(result)
    )


def test_a_check_that_hangs_is_lost_and_the_others_are_not(grade: Grade, grader: Grader) -> None:
    line = "        # BEGIN SOLUTION sdpa\n"
    hang = "        while Q.shape == (2, 3, 5, 6): pass\n"
    source = grader.solution("attention").replace(line, hang)
    result = grade(source, "attention", limits=Limits(check_seconds=4))
    sdpa = todo(result, "sdpa")
    assert scores(result) == {"sdpa": 3.5, "mha": 4.0}
    assert (sdpa.verdict, todo(result, "mha").verdict) == ("timeout", "passed")
    assert {check.id: check.message for check in sdpa.checks if not check.passed} == {
        "works_for_every_head": "Your code could not finish: it took longer than 4 s in this check."
    }


def test_a_submission_that_always_hangs_has_an_end(grade: Grade, grader: Grader) -> None:
    limits = Limits(check_seconds=1, submission_seconds=2)
    result = grade(in_heads(grader, "while True: pass"), "attention", limits=limits)
    assert {t.id: t.verdict for t in result.todos} == {"sdpa": "passed", "mha": "timeout"}
    last = todo(result, "mha").checks[-1]
    assert last.message == "Your code could not finish: its 2 s were used up."


def test_what_all_checks_together_show_is_limited(
    grade: Grade, grader: Grader, lstm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is kept while a submission is graded."""
    grader.reference("lstm")
    seen = []
    ask = pool.Worker.ask

    def count(*arguments: Any, **settings: Any) -> Observation:
        seen.append(ask(*arguments, **settings))
        return seen[-1]

    monkeypatch.setattr(pool.Worker, "ask", count)
    limits = Limits(kept=MIB)
    result = grade(returning(lstm, "logits.repeat(1, 3000)"), limits=limits)
    assert "logits has shape (2, 12000); expected" in messages(result)
    last = todo(result, "last_step").checks[-1]
    assert last.message == (
        "Your code could not finish: what it shows in all checks together is more than 1 MiB."
    )
    assert sum(map(size, seen[:-1])) <= limits.kept < sum(map(size, seen))


@pytest.mark.parametrize("diagnose", [False, True])
def test_answers_as_large_as_can_be_do_not_fill_the_judges_memory(
    grader: Grader, diagnose: bool
) -> None:
    attack = REPOSITORY / "tests" / "hostile" / "exhaustion-memory-of-the-judge" / "aae.py"
    grader.grade("aae", "raise SystemExit", diagnose=diagnose)  # what is kept for the class
    tracemalloc.start()
    try:
        result = grader.grade("aae", attack.read_bytes(), diagnose=diagnose)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.score == 0
    assert peak < 40 * MIB


@pytest.mark.parametrize("name", ["aae", "attention", "lstm", "vit"])
def test_a_right_answer_is_far_from_what_is_kept_at_most(grader: Grader, name: str) -> None:
    shown = [expected.observed for expected in grader.reference(name).values()]
    assert sum(map(size, shown)) < DEFAULT.kept / 20


def test_a_closed_channel_does_not_wait_for_a_process_that_hangs(
    grade: Grade, lstm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "EXIT_SECONDS", 0.5)
    code = "import os, time; os.close(3); time.sleep(1000)"
    result = grade(at_import(lstm, code), limits=Limits(import_seconds=2))
    assert verdicts(result) <= {"error", "timeout"}
    assert result.score == 0


# Processes and threads


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


STAYS = """
import os, time
child = os.fork()
if child == 0:
    {}
    time.sleep(1000)
print(child, flush=True)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize(
    ("in_child", "afterwards", "verdict"),
    [
        ("pass", "", "passed"),
        ("os.closerange(0, 10)", "", "passed"),
        ("os.closerange(0, 10)", "os._exit(0)", "error"),
        ("os.closerange(0, 10)", "os.kill(os.getpid(), 11)", "crashed"),
        # The child holds the channel open, but its parent will not answer any more.
        ("pass", "os._exit(0)", "error"),
    ],
    ids=["parent goes on", "parent goes on alone", "parent exits", "parent crashes", "child holds"],
)
def test_a_child_that_stays_is_ended_with_its_worker(
    unlocked: Grader, lstm: str, in_child: str, afterwards: str, verdict: str
) -> None:
    code = STAYS.format(in_child) + afterwards
    result = unlocked.grade("lstm", at_import(lstm, code), limits=Limits(import_seconds=3))
    child = int(result.output.split()[0])
    deadline = time.monotonic() + 5
    while not is_gone(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    gone = is_gone(child)
    if not gone:
        os.kill(child, 9)
    assert gone
    assert verdicts(result) == {verdict}
    if verdict == "passed":  # a worker that dies tells nothing any more
        told = {attempt.what for attempt in result.attempts}
        assert told >= {"started a process", "left a process behind"}


@pytest.mark.parametrize("daemon", [True, False])
def test_a_thread_left_running_costs_nothing(grade: Grade, lstm: str, daemon: bool) -> None:
    code = f"""
    import threading, time
    for _ in range(3):
        threading.Thread(target=time.sleep, args=(1000,), daemon={daemon}).start()
    """
    assert grade(at_import(lstm, code)).score == 6
    assert grade(in_forward(lstm, code)).score == 6


def test_what_is_registered_for_the_end_does_not_run(grade: Grade, lstm: str) -> None:
    code = """
    import atexit, os, time
    atexit.register(time.sleep, 1000)
    atexit.register(os._exit, 3)
    """
    assert grade(at_import(lstm, code)).score == 6


# State that a submission changes


CHANGES = {
    "default dtype": "torch.set_default_dtype(torch.float16)",
    "default device": "torch.set_default_device('meta')",
    "grad mode": "torch.set_grad_enabled(False)",
    "inference mode": "torch.inference_mode().__enter__()",
    "threads": "torch.set_num_threads(4)",
    "deterministic flags": "torch.use_deterministic_algorithms(True)",
    "anomaly detection": "torch.autograd.set_detect_anomaly(True)",
    "autocast": "torch.set_autocast_enabled('cpu', True)",
    "random numbers": "torch.manual_seed(5); import numpy, random; numpy.random.seed(5); random.seed(5)",
    "warnings as errors": "import warnings; warnings.simplefilter('error')",
    "NumPy's errors": "import numpy; numpy.seterr(all='raise')",
    "current folder": "import os; os.chdir('/')",
    "a high recursion limit": "import sys; sys.setrecursionlimit(10**6)",
    "a low recursion limit": """
        import sys
        for limit in range(1, 100):
            try:
                sys.setrecursionlimit(limit)
                break
            except RecursionError:
                pass
        """,
    "stdout closed": "import sys; sys.stdout.close(); sys.stderr.close()",
    "descriptors of the streams closed": "import os; os.close(0); os.close(1); os.close(2)",
    "stdout replaced": "import sys, io; sys.stdout = io.StringIO(); sys.stderr = open('log', 'w')",
    "no streams": "import sys; sys.stdin = sys.stdout = sys.stderr = None",
    "a function mode": """
        from torch.overrides import TorchFunctionMode
        class Mode(TorchFunctionMode):
            def __torch_function__(self, f, types, args=(), kwargs=None):
                return f(*args, **(kwargs or {}))
        Mode().__enter__()
        """,
    "comparisons": "import numpy; torch.allclose = numpy.allclose = lambda *a, **k: True",
}


@pytest.mark.parametrize("code", CHANGES.values(), ids=CHANGES)
def test_a_right_answer_keeps_its_marks_whatever_its_import_changes(
    grade: Grade, lstm: str, code: str
) -> None:
    result = grade(at_import(lstm, f"import torch\n{dedent(code).strip()}"))
    assert (result.score, verdicts(result)) == (6, {"passed"})


@pytest.mark.parametrize(
    "change",
    [
        "threads",
        "random numbers",
        "warnings as errors",
        "current folder",
        "NumPy's errors",
        "stdout closed",
        "no streams",
        "comparisons",
    ],
)
def test_what_a_check_changes_the_next_one_does_not_see(
    grade: Grade, lstm: str, change: str
) -> None:
    # torch stays the module's: an assignment to it in forward() would make it a local name.
    code = dedent(CHANGES[change]).replace("torch.allclose", "__import__('torch').allclose")
    assert grade(in_forward(lstm, code)).score == 6


def test_a_recursion_without_end_is_an_error_also_where_the_limit_was_raised(
    grade: Grade, lstm: str
) -> None:
    source = at_import(
        returning(lstm, "forever(logits)"),
        "import sys; sys.setrecursionlimit(10**8)\ndef forever(x): return forever(x)",
    )
    result = grade(source)
    assert todo(result, "last_step").verdict == "error"
    assert "RecursionError" in messages(result)


def test_patched_comparisons_and_a_tampered_draw_do_not_help_a_wrong_answer(
    grade: Grade, lstm: str
) -> None:
    code = """
    import sys, numpy, torch
    torch.allclose = torch.equal = numpy.allclose = numpy.array_equal = lambda *a, **k: True
    torch.Tensor.__eq__ = lambda *a: torch.tensor(True)
    import autograder.compare, autograder.judge, autograder.draw
    autograder.compare.difference = autograder.judge.difference = lambda *a, **k: None
    autograder.draw.Draw.__call__ = lambda self, *shape, **k: torch.zeros(shape)
    print('{"score": 100, "verdict": "passed"}')
    """
    result = grade(at_import(returning(lstm, "logits + 1"), code))
    assert todo(result, "last_step").score == 0


# What counts as a tensor


NO_TENSORS = {
    "None": ("None", "logits is None"),
    "a bool": ("True", "logits is True"),
    "text": ("'passed'", "logits is 'passed'"),
    "a huge number": ("10**5000", "logits is"),
    "a list": ("logits.tolist()", "logits is a list or tuple of 2"),
    "an array": ("logits.detach().numpy()", "logits is an object of type ndarray"),
    "a dict": ("{'logits': logits}", "logits is an object of type dict"),
    "a generator": ("(x for x in logits)", "logits is an object of type generator"),
    "a mock": (
        "type('Yes', (), {'__eq__': lambda s, o: True})()",
        "logits is an object of type Yes",
    ),
    "a subclass that always says True": (
        "logits.as_subclass(type('Sub', (torch.Tensor,), "
        "{'__torch_function__': classmethod(lambda *a, **k: True)}))",
        "logits is an object of type Sub",
    ),
    "sparse": ("logits.to_sparse()", "logits is a sparse, quantised or empty (meta) tensor"),
    "meta": ("logits.detach().to('meta')", "logits is a sparse, quantised or empty (meta) tensor"),
    "quantised": (
        "torch.quantize_per_tensor(logits.float(), 0.1, 0, torch.qint8)",
        "logits is a sparse, quantised or empty (meta) tensor",
    ),
    "complex": ("logits + 0j", "logits is a complex tensor of shape"),
    "expanded without end": (
        "logits.flatten()[0].expand(10**12)",
        "logits is a tensor of shape (1000000000000,), too large to compare",
    ),
    "of unsigned numbers": ("logits.to(torch.uint16)", "uint16"),
    "NaN": ("logits * float('nan')", "is nan"),
    "of half the precision": ("logits.half()", "logits is float16; expected float64"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("expression", "message"), NO_TENSORS.values(), ids=NO_TENSORS)
def test_only_a_dense_tensor_of_the_right_kind_counts(
    grade: Grade, lstm: str, expression: str, message: str
) -> None:
    result = grade(returning(lstm, expression))
    assert {t.id: t.verdict for t in result.todos} == {"h0_c0": "passed", "last_step": "failed"}
    assert scores(result) == {"h0_c0": 3.0, "last_step": 0.0}
    assert message in messages(result)


def test_a_tensor_of_very_many_axes_has_another_shape_and_is_no_error(
    grade: Grade, lstm: str
) -> None:
    result = grade(returning(lstm, "logits.view([1] * 20 + [-1])"))
    assert {t.id: t.verdict for t in result.todos} == {"h0_c0": "passed", "last_step": "failed"}


def test_a_parameter_counts_as_a_tensor(grade: Grade, lstm: str) -> None:
    result = grade(returning(lstm, "nn.Parameter(logits)"))
    assert todo(result, "last_step").score == 2.5
    assert messages(result).startswith("No gradient reaches x.")


# Forged answers


FORGE = """
import json, os, struct
def send(message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    os.write(3, struct.pack("!IQ", len(data), 0) + data)
"""
IMPORTED = 'send({"imported": True, "placeholders": [], "notes": []})\n'


FORGED = {
    "imported": IMPORTED,
    "imported twenty times": IMPORTED * 20,
    "placeholders are no list": 'send({"imported": True, "placeholders": None})',
    "placeholders are no text": 'send({"imported": True, "placeholders": [{}, None, []]})',
    "placeholders are deep": (
        'send(b\'{"imported": true, "placeholders": [\' + b"[" * 900 + b"]" * 900 + b"]}")'
    ),
    "notes are a number": 'send({"imported": True, "placeholders": [], "notes": 5})',
    "notes are nothing": 'send({"imported": True, "placeholders": [], "notes": None})',
    "imported is 1": 'send({"imported": 1})',
    "failed is a number": 'send({"failed": 5})',
    "failed is an observation": 'send({"failed": {"observed": {}}})',
    "a list": "send([])",
    "NaN": "send(b'{\"imported\": NaN}')",
    "observed is a number": IMPORTED + 'send({"observed": 5})',
    "observed nothing": IMPORTED + 'send({"observed": {"h0": None}})',
    "observed is deep": IMPORTED
    + 'send(b\'{"observed": {"h0": \' + b"[" * 900 + b"]" * 900 + b"}}")',
    "observed infinity": IMPORTED + 'send(b\'{"observed": {"h0": 1e999}}\')',
    "a tensor that is not there": IMPORTED
    + 'send({"observed": {"h0": {"tensor": "0", "dtype": "x", "device": "x"}}})',
    "odd remarks": IMPORTED + 'send({"observed": {"remarks": [5, ["x"], {"other": "x"}]}})',
    "half a surrogate pair": IMPORTED
    + 'send({"raised": "E", "message": "\\ud800", "step": "", "place": None})',
    "a place that is none": IMPORTED
    + 'send({"raised": "", "message": "", "step": "", "place": ["", -1, ""]})',
}


@pytest.mark.parametrize("code", FORGED.values(), ids=FORGED)
def test_a_forged_answer_gets_no_points_and_breaks_nothing(
    grade: Grade, lstm: str, code: str
) -> None:
    result = grade(at_import(lstm, FORGE + code))
    assert result.score == 0
    assert "passed" not in verdicts(result)


REGRADED = "Regraded by the course staff: 6 of 6."


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        pytest.param([REGRADED], (), id="a sentence"),
        pytest.param([["alias", REGRADED, "LSTMClassifier"]], (), id="a name that is none"),
        pytest.param([["alias", "RNN", "x" * 300]], (), id="a long name"),
        pytest.param([["praise", 1, 1, REGRADED]], (), id="an unknown code"),
        pytest.param([["failed", 1, 1, 5], ["failed", 1], {}, None], (), id="another form"),
        pytest.param(
            [["failed", 1, 2, "x\n\n" + REGRADED * 9]] * 30,
            (f'lstm.ipynb, cell 1, line 2 is left out: "x {REGRADED * 9}'[:241] + '"',) * 20,
            id="a long reason in a known form",
        ),
    ],
)
def test_the_sentences_of_notes_are_the_judges_own(
    grade: Grade, lstm: str, notes: list[Any], said: tuple[str, ...]
) -> None:
    forged = {"imported": True, "placeholders": [], "notes": notes}
    source = at_import(lstm, FORGE + f"class Forgery:\n    send({forged!r})")
    in_a_notebook = grade(notebook(source), file="lstm.ipynb")
    assert (in_a_notebook.score, in_a_notebook.notes) == (0, said)
    assert grade(source).notes == ()


LONG = '"A" * 500_000'


@pytest.mark.parametrize(
    "code",
    [
        f"raise Exception({LONG})",
        f"raise type({LONG}, (Exception,), {{}})",
        f'exec(compile("1/0  #" + {LONG}, "lstm.py", "exec"))',
        FORGE
        + f'send({{"failed": {{"raised": "E", "message": {LONG}, "step": "", "place": None}}}})',
        FORGE + f'send({{"imported": True, "placeholders": [], "notes": [{LONG}]}})',
        FORGE + IMPORTED + f'send({{"observed": {{"h0": {LONG}}}}})',
        FORGE + IMPORTED + f'send({{"observed": {{"h0": {{"other": {LONG}}}}}}})',
        FORGE + IMPORTED + f'send({{"raised": {LONG}, "message": "", "step": "", "place": None}})',
        FORGE + IMPORTED + f'send({{"raised": "", "message": "", "step": {LONG}, "place": None}})',
    ],
    ids=[
        *("message", "type", "line", "forged failure", "forged note", "forged text"),
        *("forged description", "forged type", "forged step"),
    ],
)
def test_a_students_text_is_cut(grade: Grade, lstm: str, code: str) -> None:
    result = grade(at_import(lstm, code))
    texts = [check.message for t in result.todos for check in t.checks] + list(result.notes)
    assert result.score == 0
    # The text itself, and what is said around it: a type, a place.
    assert max(map(len, texts)) < 3 * DEFAULT.text


def test_what_is_printed_is_kept_up_to_a_limit(grade: Grade, lstm: str) -> None:
    assert grade(at_import(lstm, "print('hello')")).output == "hello\n"
    elsewhere = at_import(in_forward(lstm, "print('seen')"), "import sys; sys.stdout = None")
    assert grade(elsewhere).output.startswith("seen\n")
    code = "import sys\nfor i in range(2000): print('é' * 1000); print('x', file=sys.stderr)"
    flooded = grade(at_import(lstm, code))
    assert flooded.score == 6
    assert len(flooded.output) == DEFAULT.text


# Messages


def test_an_error_names_the_students_own_line(grade: Grade, lstm: str) -> None:
    result = grade(returning(lstm, "self.linear(last)"))
    line = 1 + lstm[: lstm.index("        return logits")].count("\n")
    assert todo(result, "last_step").checks[0].message == (
        "AttributeError: 'LSTMClassifier' object has no attribute 'linear'\n"
        f"  in lstm.py, line {line}: return self.linear(last)"
    )


NOT_ALLOWED = [
    ("[Errno 13] Permission denied: '/data/train.csv'", "files outside your folder"),
    ("[Errno 1] Operation not permitted: '/data'", "files outside your folder"),
    ("[Errno 13] Permission denied: '../data'", "files outside your folder"),
    ("[Errno 1] Operation not permitted", "a network or other programs"),
    ("[Errno 13] Permission denied: 'mine.csv'", ""),
    ("you may not", ""),
    ("", ""),
]


@pytest.mark.parametrize(("message", "what"), NOT_ALLOWED, ids=[m or "-" for m, _ in NOT_ALLOWED])
def test_what_the_lockdown_refused_is_said_in_a_sentence(message: str, what: str) -> None:
    said = failure(Raised("PermissionError", message)).message
    if what:
        assert said.startswith(f"PermissionError: {message}\n  The grader does not allow {what};")
        assert said.endswith(".")
    else:
        assert "grader" not in said
    # An error of another kind with these words is the student's own.
    assert "grader" not in failure(Raised("ValueError", message)).message


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("open('/etc/shadow')", "files outside your folder"),
        ("open('/etc/mine', 'w')", "files outside your folder"),
        ("import socket; socket.socket()", "a network or other programs"),
        ("import subprocess; subprocess.run(['ls'])", "a network or other programs"),
    ],
)
def test_a_locked_worker_says_what_it_refused(
    grade: Grade, lstm: str, grader: Grader, code: str, what: str
) -> None:
    if prove(grader.warm) in "CE":
        pytest.skip("files are not locked here")
    assert f"The grader does not allow {what}; " in messages(grade(in_forward(lstm, code)))


def test_an_error_in_a_helper_names_the_helper(grade: Grade, lstm: str) -> None:
    result = grade(at_import(lstm, "import helper"), helpers={"helper.py": b"\n\nx = 1 / 0\n"})
    assert "ZeroDivisionError: division by zero\n  in helper.py, line 3: x = 1 / 0" in (
        messages(result)
    )


def test_a_syntax_error_names_its_line(grade: Grade) -> None:
    result = grade("import torch\nclass A\n")
    assert verdicts(result) == {"error"}
    assert "SyntaxError: expected ':'\n  in lstm.py, line 2: class A" in messages(result)


def test_a_missing_class_is_said_with_the_name_that_is_near(grade: Grade, lstm: str) -> None:
    result = grade(lstm.replace("class LSTMClassifier", "class LSTMClasifier"))
    assert "lstm.py defines no LSTMClassifier; it defines LSTMClasifier: rename that to " in (
        messages(result)
    )
    assert "lstm.py defines no LSTMClassifier, nor any other class; start from the stub." in (
        messages(grade("x = 1"))
    )


def test_an_alias_is_graded_and_noted(grade: Grade, lstm: str) -> None:
    result = grade(lstm.replace("LSTMClassifier", "RecurrentNeuralNetworkClass"))
    assert result.score == 6
    assert result.notes == ("RecurrentNeuralNetworkClass is graded as LSTMClassifier.",)


# Files beside the main one


@pytest.mark.parametrize(
    "helpers",
    [
        {"helper.py": b"", "package/__init__.py": b"", "package/inner.py": b"x = 1"},
        {"torch.py": b"1/0", "einops.py": b"1/0", "random.py": b"1/0", "numpy/__init__.py": b"1/0"},
        {"autograder.py": b"1/0", "nbformat.py": b"1/0"},
        {"broken.py": b"\xff\0("},
        {"가" * 100 + ".py": b"a name that is too long for this machine"},
        {"name.py": b"a file", "name.py/inner.py": b"and a folder"},
    ],
    ids=["a package", "names of installed ones", "our names", "broken", "a long name", "a clash"],
)
def test_a_file_that_is_not_imported_does_no_harm(
    grade: Grade, lstm: str, helpers: dict[str, bytes]
) -> None:
    assert grade(lstm, helpers=helpers).score == 6


def test_helpers_can_be_imported(grade: Grade, lstm: str) -> None:
    helpers = {"helper.py": b"from package.inner import x", "package/inner.py": b"x = 5"}
    assert grade(at_import(lstm, "import helper\nassert helper.x == 5"), helpers=helpers).score == 6


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1])", ["matplotlib"]),
        (
            "import matplotlib.pyplot as plt\nfig, axes = plt.subplots(2, 2)\naxes[0, 0].imshow([])",
            ["matplotlib"],
        ),
        (
            "from torch.utils.tensorboard import SummaryWriter\n"
            "with SummaryWriter() as log:\n    log.add_scalar('a', 1)",
            ["torch.utils.tensorboard"],
        ),
        ("import wandb\nwandb.init()\nwandb.config['lr'] = 1", ["wandb"]),
        ("import matplotlib.pyplot as plt", []),
    ],
    ids=["subplots", "many subplots", "tensorboard", "wandb", "only imported"],
)
def test_what_only_draws_or_logs_is_left_out_and_noted(
    grade: Grade, lstm: str, code: str, packages: list[str]
) -> None:
    result = grade(at_import(lstm, code))
    assert result.score == 6, messages(result)
    assert result.notes == tuple(
        f"{one} is left out while your work is checked: what it draws or logs is not graded."
        for one in packages
    )


def test_progress_that_is_not_shown_still_runs_through_what_it_is_given() -> None:
    tqdm = Absent("tqdm.auto.tqdm")
    assert list(tqdm([1, 2])) == [1, 2]
    assert list(tqdm(iter("ab"), desc="x")) == ["a", "b"]
    assert list(Absent("tqdm.trange")(3)) == [0, 1, 2]
    with tqdm(total=3) as bar:
        bar.update(1)
    for name in ("pandas.read_csv", "matplotlib.pyplot.hist"):  # nothing can stand in for these
        with pytest.raises(ModuleNotFoundError, match="was used, but"):
            iter(Absent(name)())
    with pytest.raises(ModuleNotFoundError, match="was used, but"):
        Absent("pandas.read_csv")()["column"]


def test_a_package_for_data_need_not_be_installed_until_it_is_used(grade: Grade, lstm: str) -> None:
    imports = "import torchvision.transforms as T\nfrom torchvision import datasets"
    assert grade(at_import(lstm, imports)).score == 6
    assert grade(at_import(lstm, f"{imports}\nT.Compose()")).score == 6
    result = grade(at_import(lstm, f"{imports}\nlist(T.Compose())"))
    assert (
        "ModuleNotFoundError: torchvision.transforms.Compose(…) was used, but torchvision is not"
        in (messages(result))
    )


# Notebooks


def test_a_notebook_is_graded_as_the_file_would_be(grade: Grade, lstm: str) -> None:
    result = grade(notebook("!pip install torch", lstm), file="lstm.ipynb")
    assert (result.score, result.output, result.notes) == (6, "", ())


def test_a_cell_that_tries_the_model_out_costs_nothing(grade: Grade, lstm: str) -> None:
    tries = """
    model = LSTMClassifier()
    sample = torch.randn(2, 5, 28)
    scores = model(sample)
    B, D = scores.shape
    LIMIT = 3
    final = sample[:, -1]
    """
    result = grade(notebook(lstm, dedent(tries).strip()), file="lstm.ipynb")
    assert result.score == 6
    assert result.notes == (
        "lstm.ipynb, cell 2, line 4 is left out: \"NameError: name 'scores' is not defined\"",
        "lstm.ipynb, cell 2, line 6 is left out: \"NameError: name 'sample' is not defined\"",
    )


def test_the_ending_of_a_notebook_may_be_in_capitals(grade: Grade, lstm: str) -> None:
    assert grade(notebook(lstm), file="LSTM.IPYNB").score == 6


def test_reading_a_notebook_prints_nothing_in_the_students_name(grade: Grade, lstm: str) -> None:
    result = grade(notebook(lstm, ids="no"), file="lstm.ipynb")
    assert (result.score, result.output) == (6, "")


def test_a_notebook_that_is_none_is_refused_in_one_sentence(grade: Grade) -> None:
    result = grade('{"cells": [', file="lstm.ipynb")
    assert verdicts(result) == {"error"}
    assert set(messages(result).splitlines()) == {
        "lstm.ipynb is not a notebook that can be read; "
        "open it in Jupyter, save it and submit it again."
    }
