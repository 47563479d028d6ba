"""Shortcuts: what a TODO asks to write, called ready made, is noticed under every name that it has."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from autograder import language, shortcuts
from autograder.course import Course
from autograder.grade import Settings, choose
from autograder.grade import grade as grade_class
from autograder.noticed import MOST, Noticed, Spot
from autograder.reports.files import feedback
from autograder.reports.terminal import class_table, show_result
from autograder.results import Result, Shortcut
from autograder.store import Store
from tests.conftest import REPOSITORY, SEED, Grader, messages, scores, todo

SDPA = "torch.nn.functional.scaled_dot_product_attention"
MHA = "torch.nn.MultiheadAttention"
FORBIDDEN = {SDPA: ("sdpa", "mha"), MHA: ("mha",)}

# In the text

TEXTS = {
    "through F": "import torch.nn.functional as F\nF.scaled_dot_product_attention(1)",
    "through torch": "import torch\ntorch.nn.functional.scaled_dot_product_attention(1)",
    "through nn": "from torch import nn as n\nn.functional.scaled_dot_product_attention(1)",
    "by its name": f"from torch.nn.functional import {SDPA.split('.')[-1]} as f\nf(1)",
    "by a star": "from torch.nn.functional import *\nscaled_dot_product_attention(1)",
    "an operator": "import torch\ntorch.ops.aten.scaled_dot_product_attention.default(1)",
    "the C function": "from torch._C import _nn\n_nn.scaled_dot_product_attention(1)",
    "getattr": 'import torch.nn.functional as F\ngetattr(F, "scaled_dot_product_attention")(1)',
    "importlib": (
        "from importlib import import_module\n"
        'import_module("torch.nn.functional").scaled_dot_product_attention(1)'
    ),
    "an alias of an alias": "import torch; lib = torch.nn; F = lib.functional; f = F\n"
    "f.scaled_dot_product_attention(1)",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_forbidden_name_is_found_in_the_text(text: str) -> None:
    assert shortcuts.mentions({"a.py": text}, FORBIDDEN) == {(SDPA, Spot("a.py", 2))}


def test_an_alias_is_followed_from_cell_to_cell() -> None:
    cells = {"cell 1": "import torch.nn as nn\n!nvidia-smi", "cell 2": "\nnn.MultiheadAttention"}
    assert shortcuts.mentions(cells, FORBIDDEN) == {(MHA, Spot("cell 2", 2))}


HARMLESS = {
    "an import that is not used": "from torch.nn import MultiheadAttention",
    "a comment": "import torch\n# like torch.nn.MultiheadAttention\n'MultiheadAttention'",
    "a class of one's own": "class MultiheadAttention: pass\nMultiheadAttention()",
    "a class of one's own under a star": (
        "from torch.nn import *\nclass MultiheadAttention(Module): pass\nMultiheadAttention()"
    ),
    "a method of one's own": "class A:\n  def f(self): return self.scaled_dot_product_attention",
    "another library's": "import keras\nkeras.layers.MultiheadAttention()",
    "no Python": "def scaled_dot_product_attention(:",
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_only_looks_like_one_is_not_found(text: str) -> None:
    assert shortcuts.mentions({"a.py": text}, FORBIDDEN) == set()


# While checks run


def with_sdpa(grader: Grader, expression: str) -> str:
    """The solution with another way to compute `out`."""
    source = grader.solution("attention")
    assert source.count("        out = attention @ V\n") == 1
    return source.replace("out = attention @ V", f"out = {expression}")


CALLS = {
    "the function": "torch.nn.functional.scaled_dot_product_attention(Q, K, V, mask)",
    "the C function": "torch._C._nn.scaled_dot_product_attention(Q, K, V, mask)",
    "the operator": "torch.ops.aten.scaled_dot_product_attention(Q, K, V, mask)",
    "an overload": "torch.ops.aten.scaled_dot_product_attention.default(Q, K, V, mask)",
    "a name that is put together": (
        "getattr(torch.nn.functional, 'scaled_dot' + '_product_attention')(Q, K, V, mask)"
    ),
    "text that is run": (
        "eval('torch.nn.functional.scaled' + '_dot_product_attention')(Q, K, V, mask)"
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_is_noticed_with_its_line_and_costs_nothing(grader: Grader, call: str) -> None:
    source = with_sdpa(grader, call)
    result = grader.grade("attention", source)
    line = source[: source.index("out = ")].count("\n") + 1
    assert result.shortcuts == (Shortcut(SDPA, "attention.py", line, True, ("sdpa",)),)
    assert result.score == result.max_score
    assert not result.attempts


LAYER = """
class MultiHeadedAttention(MultiHeadedAttention):
    def __init__(self, d_feat=128, n_head=8, dropout_p=0.1, bias=True):
        super().__init__(d_feat, n_head, dropout_p, bias)
        self.ready = nn.MultiheadAttention(d_feat, n_head, batch_first=True)

    def forward(self, Q, K, V, mask=None):
        return self.ready(Q, K, V, average_attn_weights=False)
"""


def test_a_layer_is_noticed_where_it_is_called_and_concerns_its_todo(grader: Grader) -> None:
    source = grader.solution("attention") + LAYER
    [found] = grader.grade("attention", source).shortcuts
    line = source.count("\n")
    assert found == Shortcut(MHA, "attention.py", line, True, ("mha",))


def test_a_layer_that_is_never_called_is_in_the_text_only(grader: Grader) -> None:
    source = grader.solution("attention") + LAYER.partition("    def forward")[0]
    [found] = grader.grade("attention", source).shortcuts
    assert (found.name, found.called) == (MHA, False)
    assert source.split("\n")[found.line - 1].lstrip().startswith("self.ready")


def test_a_subclass_of_a_layer_is_noticed_where_it_is_named(grader: Grader) -> None:
    sdpa = grader.solution("attention").partition("class MultiHeaded")[0]
    mha = (
        "class MultiHeadedAttention(nn.MultiheadAttention):\n    def __init__(self, d_feat, n_head"
    )
    mha += (
        ", dropout_p=0.1, bias=True):\n        super().__init__(d_feat, n_head, dropout_p, bias)\n"
    )
    result = grader.grade("attention", sdpa + mha)
    line = sdpa.count("\n") + 1
    assert result.shortcuts == (Shortcut(MHA, "attention.py", line, True, ("mha",)),)


SCRIPTED = """
@torch.jit.script
def ready(Q: Tensor, K: Tensor, V: Tensor):
    return torch.nn.functional.scaled_dot_product_attention(Q, K, V)
"""


def test_a_scripted_call_works_and_is_seen_where_it_runs_as_it_is_written(grader: Grader) -> None:
    """On the GPU; of what a script does by itself nothing is seen."""
    source = with_sdpa(grader, "attention @ V if mask is not None else ready(Q, K, V)")
    result = grader.grade("attention", source + SCRIPTED)
    assert result.score == result.max_score, messages(result)
    assert [(s.line, s.called) for s in result.shortcuts] == [(source.count("\n") + 4, True)]


def test_a_test_of_ones_own_is_in_the_text_only(grader: Grader) -> None:
    source = grader.solution("attention")
    compare = "torch.nn.functional.scaled_dot_product_attention(*torch.ones(3, 1, 2, 2))"
    result = grader.grade("attention", f"{source}\n{compare}\ndef test():\n    return {compare}\n")
    lines = source.count("\n") + 2, source.count("\n") + 4
    assert [s.line for s in result.shortcuts] == list(lines)
    assert not any(s.called for s in result.shortcuts)
    assert shortcuts.without_points(result) == result


def test_what_one_assignment_forbids_another_may_use(grader: Grader) -> None:
    source = grader.solution("lstm")
    assert source.count("        return logits\n") == 1
    call = f"        {SDPA}(*torch.ones(3, 1, 2, 2))\n        return logits\n"
    assert grader.grade("lstm", source.replace("        return logits\n", call)).shortcuts == ()


# What it means


def test_a_forged_report_cannot_flood_the_results(grader: Grader) -> None:
    noticed = Noticed(mentioned={(SDPA, Spot("a.py", line)) for line in range(999)})
    assert len(shortcuts.found(grader.assignments["attention"], noticed)) == MOST


@pytest.fixture(scope="module")
def short(grader: Grader) -> Result:
    return grader.grade("attention", with_sdpa(grader, CALLS["the function"]))


def test_it_fails_its_todo_where_the_course_says_so(short: Result) -> None:
    failed = shortcuts.without_points(short)
    assert scores(failed) == {"sdpa": 0.0, "mha": 4.0}
    assert failed.score == 4.0
    assert todo(failed, "sdpa").verdict == "failed"
    said = {check.message for check in todo(failed, "sdpa").checks}
    assert said == {
        "This TODO asks you to write it yourself, so it gets no points with "
        f"scaled_dot_product_attention (attention.py, line {short.shortcuts[0].line})."
    }
    assert todo(failed, "mha") == todo(short, "mha")


def test_a_setting_changes_the_marks_without_grading_again(grader: Grader, tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    source = with_sdpa(grader, CALLS["the function"])
    (tmp_path / "class" / "ann.py").write_text(source)
    course = Course.find(REPOSITORY)
    chosen = choose(course, tmp_path / "class", (), ())
    marks, unchanged = [], []
    for fail in (False, True):
        landed: list[Result] = []
        store = Store(tmp_path / "results.sqlite")
        settings = Settings(seed=SEED, trust=True, shortcuts_fail=fail)
        unchanged.append(
            grade_class(course, chosen, settings, store, lambda r, _, to=landed: to.extend(r))
        )
        store.close()
        marks.append([result.score for result in landed])
    assert marks == [[8.0], [4.0]]
    assert unchanged == [0, 1]


def test_it_stands_in_the_results(short: Result) -> None:
    assert Result.from_line(short.to_line()) == replace(short, seconds=round(short.seconds, 3))
    [found] = short.to_json()["shortcuts"]
    assert found["name"] == SDPA
    assert found["called"] is True
    assert found["todos"] == ["sdpa"]


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=300)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_ta_sees_it_below_the_table(short: Result) -> None:
    text = shown(class_table([replace(short, submission="ann")], 100))
    line = short.shortcuts[0].line
    assert (
        "1 submission used what a TODO asks to write: "
        f"ann (scaled_dot_product_attention in attention.py, line {line})." in text
    )
    unused = replace(short, shortcuts=(replace(short.shortcuts[0], called=False),))
    assert f"line {line}, in the text only)." in shown(class_table([unused], 100))
    assert "what a TODO asks to write" not in shown(
        class_table([replace(short, shortcuts=())], 100)
    )


def test_a_file_cannot_be_called_so_that_another_is_accused(short: Result) -> None:
    name = "attention.py, line 4), bob (scaled_dot_product_attention in attention.py"
    accuses = replace(short, shortcuts=(replace(short.shortcuts[0], file=name, line=40),))
    said = f'short (scaled_dot_product_attention in "{name}", line 40).'
    assert said in shown(class_table([replace(accuses, submission="short")], 100))


@pytest.fixture
def korean() -> Iterator[None]:
    language.use("ko")
    yield
    language.use("en")


def own(result: Result) -> str:
    console = Console(file=io.StringIO(), width=300)
    show_result(console, result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_student_is_told_in_a_plain_remark(short: Result) -> None:
    line = short.shortcuts[0].line
    remark = "This TODO asks you to write it yourself, without scaled_dot_product_attention"
    assert f"{remark} (attention.py, line {line})." in own(short)
    unused = replace(short, shortcuts=(replace(short.shortcuts[0], called=False),))
    assert remark not in own(unused)
    assert "scaled_dot_product_attention" not in feedback([short])


@pytest.mark.usefixtures("korean")
def test_the_remark_speaks_korean(short: Result) -> None:
    assert "직접 구현하는 TODO입니다" in own(short)
