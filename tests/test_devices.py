"""Behaviour on a GPU, graded on a machine that has none: what is wrong there, and what is right.

The mistakes are written in other styles than the catalogue's. A check that cannot be run is neither
passed nor failed, and costs nothing.
"""

import json
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch

from autograder import results
from autograder.check import GIVEN
from autograder.course import Course
from autograder.limits import DEFAULT
from autograder.observation import NOT_SIMULATED, Raised
from autograder.pool import Warm
from autograder.results import Result
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader, scores, todo
from tests.test_todos import solved

Answers = Mapping[str, str]
SIZES = "self.n_layer, x.shape[0], self.hdim"
NOTES = 'device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")\n'
HEADS = """
q, k, v = (
    f(t).reshape(t.size(0), -1, self.n_head, self.d_head).permute(0, 2, 1, 3)
    for f, t in ((self.W_Q, Q), (self.W_K, K), (self.W_V, V))
)
"""
JOINED = "out = self.W_O(heads.permute(0, 2, 1, 3).reshape(Q.size(0), -1, self.d_feat))\n"
SCORES = "scores = torch.einsum('...qd,...kd->...qk', Q, K) * Q.size(-1) ** -0.5\n"
WEIGHED = "attention = scores.softmax(-1)\nout = torch.matmul(attention, V)\n"
HIDDEN = "scores = scores.masked_fill(~mask, -1e9)\n"


def indented(text: str) -> str:
    return textwrap.indent(text, "    ")


# (assignment, TODO, mistake) -> answers that have it, and nothing else that is wrong.
MISTAKES: dict[tuple[str, str, str], list[str]] = {
    ("lstm", "h0_c0", "state_on_cpu"): [
        f"h0 = torch.zeros(({SIZES}), dtype=x.dtype)\nc0 = h0.clone()",
        f"h0, c0 = torch.zeros(2, {SIZES}).to(x.dtype)",
        f"h0 = x.new_zeros({SIZES})\nc0 = torch.zeros({SIZES}, dtype=h0.dtype)",
        f"from torch.autograd import Variable\nh0 = Variable(torch.zeros({SIZES}))\nc0 = Variable(torch.zeros({SIZES}))",
    ],
    ("lstm", "h0_c0", "state_hardcoded_cpu"): [
        f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype).to(torch.device('cpu'))",
        f"h0 = x.new_zeros({SIZES}).cpu()\nc0 = torch.zeros_like(h0)",
    ],
    ("lstm", "h0_c0", "states_through_numpy"): [
        f"import numpy\nh0 = c0 = torch.from_numpy(numpy.full(({SIZES}), 0.0)).type(x.dtype)",
        f"import numpy as np\nh0 = torch.as_tensor(np.zeros([{SIZES}]), dtype=x.dtype)\nc0 = h0",
    ],
    ("lstm", "last_step", "result_on_cpu"): ["return self.lin(hn[-1]).to('cpu')"],
    ("lstm", "last_step", "moved_to_cpu"): [
        "logits = torch.nn.functional.linear(hn.cpu()[-1], self.lin.weight, self.lin.bias)"
    ],
    ("lstm", "last_step", "index_on_cpu"): [
        "last = torch.index_select(out, 1, torch.LongTensor([out.shape[1] - 1]))\n"
        "logits = self.lin(last.flatten(1))"
    ],
    ("attention", "sdpa", "scale_on_cpu"): [
        "scores = Q @ K.mT / torch.FloatTensor([K.shape[-1]]).sqrt()\n"
        + f"if mask is not None:\n{indented(HIDDEN)}{WEIGHED}",
    ],
    ("attention", "sdpa", "mask_on_cpu"): [
        f"{SCORES}if mask is not None:\n    mask = mask.to('cpu')\n{indented(HIDDEN)}{WEIGHED}",
        f"{SCORES}if mask is not None:\n    hidden = torch.BoolTensor((~mask).tolist())\n"
        f"    scores = scores.masked_fill(hidden, -1e9)\n{WEIGHED}",
    ],
    ("attention", "sdpa", "fill_on_cpu"): [
        f"{SCORES}if mask is not None:\n"
        f"    scores = torch.where(mask, scores, torch.Tensor([-1e9]).to(scores.dtype))\n{WEIGHED}",
    ],
    ("attention", "sdpa", "numpy_in_forward"): [
        f"{SCORES}if mask is not None:\n    import numpy\n"
        f"    shut = torch.from_numpy(numpy.array(1 - mask.numpy(), dtype=bool))\n"
        f"    scores = scores.masked_fill(shut, -1e9)\n{WEIGHED}",
    ],
    ("attention", "sdpa", "result_on_cpu"): [
        f"{SCORES}if mask is not None:\n{indented(HIDDEN)}{WEIGHED}return out, attention.to('cpu')",
        f"{SCORES}if mask is not None:\n{indented(HIDDEN)}{WEIGHED}return out.cpu(), attention",
    ],
    ("attention", "mha", "scale_on_cpu"): [
        HEADS + "scores = torch.matmul(q, k.mT) / torch.FloatTensor([q.size(3)]).sqrt()\n"
        f"if mask is not None:\n{indented(HIDDEN)}attention = scores.softmax(-1)\n"
        f"heads = self.dropout(attention) @ v\n{JOINED}",
    ],
    ("attention", "mha", "mask_on_cpu"): [
        f"{HEADS}_, attention = self.sdpa(q, k, v, None if mask is None else mask.cpu())\n"
        f"heads = self.dropout(attention) @ v\n{JOINED}",
    ],
    ("attention", "mha", "dropout_mask_on_cpu"): [
        f"{HEADS}_, attention = self.sdpa(q, k, v, mask)\nheads = attention\nif self.training:\n"
        "    keep = torch.bernoulli(torch.full(attention.shape, 1 - self.dropout.p))\n"
        "    heads = heads * keep.to(heads.dtype) / (1 - self.dropout.p)\n"
        f"heads = heads @ v\n{JOINED}",
    ],
    ("attention", "mha", "result_on_cpu"): [
        f"{HEADS}_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        f"{JOINED}return out.to('cpu'), attention.to('cpu')",
    ],
    ("attention", "mha", "moved_to_cpu"): [
        f"{HEADS}_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        "heads = heads.cpu()\n" + JOINED,
    ],
    ("vit", "cls_token", "parameter_on_cpu"): [
        "x = torch.cat((self.cls_token.expand(len(x), -1, -1).cpu(), x), 1) + self.positions",
        "x = torch.cat((self.cls_token.repeat(len(x), 1, 1), x), 1)\nx += self.positions.cpu()",
    ],
    ("vit", "cls_token", "index_on_cpu"): [
        "import torch.nn.functional as F\n"
        "x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1)\n"
        "x = x + F.embedding(torch.LongTensor(range(x.shape[1])), self.positions)",
    ],
    ("vit", "cls_token", "tokens_on_cpu"): [
        "b, n, d = x.shape\nz = torch.zeros((b, n + 1, d)).to(x.dtype)\n"
        "z[:, 0, :] = self.cls_token.squeeze()\nz[:, 1:, :] = x\nx = z + self.positions",
    ],
    ("vit", "cls_token", "result_on_cpu"): [
        "x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1)\n"
        "return (x + self.positions).to('cpu')",
    ],
    ("vit", "encoder_block", "moved_to_cpu"): [
        "a, attention = self.mha(self.norm_1(x))\nz = a.cpu() + x\nx = z + self.mlp(self.norm_2(z))",
    ],
    ("vit", "encoder_block", "result_on_cpu"): [
        "a, attention = self.mha(self.norm_1(x))\nz = a + x\n"
        "return z + self.mlp(self.norm_2(z)), attention.cpu()",
    ],
    ("vit", "body", "moved_to_cpu"): [
        "tokens, attentions = self.em(self.ie(x))\n"
        "x = self.classification_head(self.normalization(tokens[:, 0].to('cpu')))",
    ],
    ("vit", "body", "result_on_cpu"): [
        "tokens, attentions = self.em(self.ie(x))\n"
        "x = self.classification_head(self.normalization(tokens)[:, 0])\n"
        "return x, tuple(one.to('cpu') for one in attentions)",
    ],
    ("vit", "body", "index_on_cpu"): [
        "tokens, attentions = self.em(self.ie(x))\n"
        "x = torch.index_select(tokens, 1, torch.LongTensor([0]))[:, 0]\n"
        "x = self.classification_head(self.normalization(x))",
    ],
}


@pytest.mark.parametrize(
    ("name", "id", "mistake", "answer"),
    [(*key, answer) for key, answers in MISTAKES.items() for answer in answers],
    ids=lambda value: value if len(value) < 25 and "\n" not in value else "",
)
def test_what_is_wrong_on_a_gpu_is_named_without_one(
    grader: Grader, name: str, id: str, mistake: str, answer: str
) -> None:
    result = grader.grade(name, solved(grader, name, **{id: answer}), diagnose=True)
    wrong = {t.id: t.diagnosis for t in result.todos if t.verdict != results.PASSED}
    assert wrong == {id: (mistake,)}
    seen = todo(result, id)
    assert 0 < seen.max_score - seen.score <= 0.5
    assert [check.id for check in seen.checks if not check.passed] == [
        check.id for check in grader.assignments[name].checks if check.gpu and check.todo == id
    ]


OWN_LAYERS = """
class Fifth(nn.Module):
    def forward(self, x):
        return x * torch.rand(x.shape).gt(0.2).type(x.dtype) / 0.8 if self.training else x


class Half(nn.Module):
    def forward(self, x):
        zero = torch.zeros((1, x.shape[1]), dtype=x.dtype)
        return torch.max(x, zero)


class Chance(nn.Module):
    def forward(self, x):
        return torch.ones(len(x), 1, dtype=x.dtype) / (1 + (-x).exp())


"""


@pytest.mark.parametrize(
    ("id", "mistake", "layer"),
    [
        ("todo1", "dropout_mask_on_cpu", "Fifth(),"),
        ("todo2", "constant_on_cpu", "Half(),"),
        ("todo7", "constant_on_cpu", "Chance(),"),
    ],
)
def test_a_layer_of_ones_own_is_looked_at_on_a_gpu(
    grader: Grader, id: str, mistake: str, layer: str
) -> None:
    source = solved(grader, "aae", **{id: layer})
    source = source.replace("class Encoder", OWN_LAYERS.lstrip() + "class Encoder")
    result = grader.grade("aae", source, diagnose=True)
    wrong = {t.id: t.diagnosis for t in result.todos if t.verdict != results.PASSED}
    assert wrong == {id: (mistake,)}
    assert todo(result, id).score == 0.9


def noisy(grader: Grader, noise: str, top: str = "") -> str:
    source = solved(grader, "aae").replace("torch.randn_like(std)", noise)
    return source.replace("import torch\n", f"import numpy as np\nimport torch\n{top}", 1)


@pytest.mark.parametrize(
    "noise",
    [
        "torch.randn(mu.size()).to(mu.dtype)",
        "torch.tensor(np.random.normal(0, 1, tuple(mu.shape)), dtype=mu.dtype)",
    ],
)
def test_noise_left_on_the_cpu_is_given_code_and_costs_nothing(grader: Grader, noise: str) -> None:
    result = grader.grade("aae", noisy(grader, noise), diagnose=True)
    assert result.score == result.max_score
    assert todo(result, GIVEN).diagnosis == ("noise_on_cpu",)


@pytest.mark.parametrize(
    ("noise", "top"),
    [
        ("torch.from_numpy(np.random.normal(size=tuple(mu.shape))).to(mu)", ""),
        (
            "FloatTensor(np.random.normal(0, 1, tuple(mu.shape))).to(mu.dtype)",
            "FloatTensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor\n",
        ),
        ("torch.randn(mu.shape, device=mu.device, dtype=mu.dtype)", ""),
    ],
)
def test_noise_that_is_moved_to_the_code_is_right(grader: Grader, noise: str, top: str) -> None:
    result = grader.grade("aae", noisy(grader, noise, top))
    assert result.score == result.max_score
    assert not [t for t in result.todos if t.id == GIVEN]


def with_top(source: str, top: str) -> str:
    return source.replace(
        "from torch import Tensor, nn\n", f"from torch import Tensor, nn\n{top}", 1
    )


RIGHT = {
    "as in the notes": (
        NOTES,
        f"h0 = torch.zeros({SIZES}).to(device)\nc0 = torch.zeros({SIZES}).to(device)",
    ),
    "a device that is a string": (
        "device = 'cuda' if torch.cuda.is_available() else 'cpu'\n",
        f"h0 = c0 = torch.zeros({SIZES}, device=device, dtype=x.dtype)",
    ),
    "new_zeros": ("", f"h0 = c0 = x.new_zeros({SIZES})"),
    "type_as": ("", f"h0 = c0 = torch.zeros({SIZES}).type_as(x)"),
    "the weights' device": (
        "",
        f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype).to(next(self.parameters()).device)",
    ),
    "from NumPy, and moved": (
        "import numpy as np\n",
        f"h0 = c0 = torch.from_numpy(np.zeros(({SIZES}))).to(x.device, x.dtype)",
    ),
    "cuda where x is there": (
        "",
        f"h0 = torch.zeros({SIZES}, dtype=x.dtype)\nif x.is_cuda:\n    h0 = h0.cuda()\nc0 = h0",
    ),
    "a default device": (
        "torch.set_default_device('cuda' if torch.cuda.is_available() else 'cpu')\n",
        f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype)",
    ),
    "a device from a helper": (
        "from where import device\n",
        f"h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype, device=device)",
    ),
    "a helper that is first imported in forward": (
        "",
        f"from where import device\nh0 = c0 = torch.zeros({SIZES}, dtype=x.dtype, device=device)",
    ),
}


@pytest.mark.parametrize(("top", "answer"), RIGHT.values(), ids=RIGHT)
def test_every_way_to_follow_x_to_the_gpu_is_right(grader: Grader, top: str, answer: str) -> None:
    source = with_top(solved(grader, "lstm", h0_c0=answer), top)
    helper = ("import torch\n" + NOTES).encode()
    result = grader.grade("lstm", source, helpers={"where.py": helper})
    assert result.score == result.max_score, result
    assert result.device == "simulated"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_module_sees_the_same_machine_when_it_is_executed_and_when_it_is_used(
    grader: Grader, name: str
) -> None:
    """A GPU all the time, or none at all, whatever was checked before."""
    source = solved(grader, name)
    first = "super().__init__()\n"
    assert first in source
    source = with_top(source, "seen = [torch.cuda.is_available()]\n")
    source = source.replace(first, first + "        assert seen == [torch.cuda.is_available()]\n")
    result = grader.grade(name, source)
    assert result.score == result.max_score, result


# ---------------------------------------------------------------------------- what is not run


def gpu_checks(grader: Grader, name: str) -> set[str]:
    return {check.id for check in grader.assignments[name].checks if check.gpu}


def not_run(result: Result) -> dict[str, str]:
    return {check.id: check.message for t in result.todos for check in t.checks if not check.ran}


@pytest.fixture(scope="module")
def unsupported() -> Iterator[Grader]:
    """Grades with a torch that no GPU is simulated with."""
    course = Course.find(REPOSITORY)
    with Warm(course.check_files, preload=["nbformat", "tests.unsupported_torch"]) as warm:
        one = Grader(warm)
        yield one
        one.close()


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_without_a_simulated_gpu_its_checks_are_not_run_and_cost_nothing(
    unsupported: Grader, name: str
) -> None:
    result = unsupported.grade(name, unsupported.solution(name), diagnose=True)
    assert result.score == result.max_score == unsupported.assignments[name].points()
    assert result.device == ""
    found = not_run(result)
    always = {check.id for check in unsupported.assignments[name].checks if check.todo != GIVEN}
    assert found.keys() == gpu_checks(unsupported, name) & always
    assert all("is not among those the simulated GPU is tested with" in m for m in found.values())


def test_a_recording_is_judged_without_the_checks_that_cannot_be_run_here(
    grader: Grader, unsupported: Grader
) -> None:
    unsupported._references["lstm", 7] = grader.reference("lstm", 7)
    wrong = solved(grader, "lstm", last_step="logits = self.lin(out[:, 0])")
    result = unsupported.grade("lstm", wrong, seed=7)
    assert scores(result) == {"h0_c0": 3.0, "last_step": 0.0}
    assert not_run(result).keys() == gpu_checks(unsupported, "lstm")


UNKNOWN = "x.detach().__dlpack__()\n"  # there on the CPU, and not simulated


def test_the_points_of_an_operation_that_is_not_simulated_are_withheld(grader: Grader) -> None:
    """A right answer has not failed, and a wrong one has not won by it."""
    answer = f"Q.detach().__dlpack__()\n{HEADS}_, attention = self.sdpa(q, k, v, mask)\n"
    answer += f"heads = self.dropout(attention) @ v\n{JOINED}"
    for moved in ("", "\nout = out.cpu()"):
        result = grader.grade("attention", solved(grader, "attention", mha=answer + moved))
        mha = todo(result, "mha")
        assert (mha.score, mha.max_score, mha.verdict) == (3.75, 4.0, results.NOT_RUN)
        assert not mha.diagnosis
        assert result.device == "simulated"  # what of it could be
        reason = '"__dlpack__ is not simulated."'
        assert not_run(result) == {"heads_stay_where_their_inputs_are": reason}
        assert [check.id for check in mha.checks if check.withheld] == [*not_run(result)]
        assert all(check.passed for check in mha.checks if check.ran)


def test_what_one_todo_calls_withholds_no_points_of_another(grader: Grader) -> None:
    source = solved(grader, "attention")
    first = "scores = Q @"
    assert source.count(first) == 1
    result = grader.grade(
        "attention", source.replace(first, f"Q.detach().__dlpack__()\n        {first}")
    )
    assert scores(result)["mha"] == 4
    assert todo(result, "mha").carried_from == ("sdpa",)
    assert todo(result, "sdpa").verdict == results.NOT_RUN


def test_a_wrong_answer_is_named_also_where_its_device_is_not_seen(grader: Grader) -> None:
    answer = UNKNOWN + "logits = self.lin(out[:, 0])"
    result = grader.grade("lstm", solved(grader, "lstm", last_step=answer), diagnose=True)
    last_step = todo(result, "last_step")
    assert (last_step.verdict, last_step.diagnosis) == (results.FAILED, ("first_step",))


def test_without_a_gpu_the_points_of_its_checks_are_those_of_the_other_checks(
    unsupported: Grader,
) -> None:
    """Of last_step's 3 points the scores of one image alone are 0.5; without the GPU's 0.25 there
    are 2.75 left to share."""
    answer = "logits = self.lin(out[:, -1]) * (1 if self.training else 2)"
    result = unsupported.grade("lstm", solved(unsupported, "lstm", last_step=answer))
    last_step = todo(result, "last_step")
    assert last_step.score == pytest.approx(3 * 2.25 / 2.75, abs=1e-5)
    assert last_step.max_score == 3
    assert last_step.verdict == results.FAILED


def test_a_check_that_was_not_run_survives_the_file_of_results(grader: Grader) -> None:
    source = solved(grader, "lstm", last_step=UNKNOWN + "logits = self.lin(out[:, -1])")
    result = grader.grade("lstm", source)
    again = Result.from_line(result.to_line())
    assert again.todos == result.todos
    assert again.device == result.device == ""
    line = json.loads(result.to_line())
    ran = {c["id"]: (c["ran"], c["passed"]) for t in line["todos"] for c in t["checks"]}
    assert ran["scores_are_where_x_is"] == (False, False)
    withheld = {c["id"] for t in line["todos"] for c in t["checks"] if c["withheld"]}
    assert withheld == not_run(result).keys()
    assert ran["scores_come_from_the_last_step"] == (True, True)


def test_every_report_says_what_was_not_run_and_why(
    run: Callable[..., CompletedProcess[str]], grader: Grader, tmp_path: Path
) -> None:
    source = solved(grader, "lstm", last_step=UNKNOWN + "logits = self.lin(out[:, -1])")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "lstm.py").write_text(source, "utf-8")
    reason = '"__dlpack__ is not simulated."'
    done = run("grade", "class", "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = f"so that points wait for you: lstm (h0_c0, last_step: {reason})."
    assert told in " ".join(done.stdout.split())
    folder = tmp_path / "out" / "feedback" / "lstm"
    feedback = (folder / "feedback.md").read_text("utf-8")
    assert "or its points wait until your TA has looked" in feedback
    shown = reason.replace("_", "\\_")
    assert shown in feedback
    tests = json.loads((folder / "results.json").read_text("utf-8"))["tests"]
    assert all(shown in test["output"] for test in tests)
    checked = run("check", "class/lstm.py", cwd=tmp_path)
    assert checked.returncode == 1, checked.stdout
    assert "or its points wait until your TA has looked" in " ".join(checked.stdout.split())
    assert reason in " ".join(checked.stdout.split())


@pytest.mark.parametrize(
    ("line", "korean"),
    [
        ("x.detach().__dlpack__()", "가상 GPU가 지원하지 않습니다: __dlpack__."),
        (
            "x.detach().float().to_mkldnn()",
            "가상 GPU가 지원하지 않습니다: GPU에 있는 torch._mkldnn 형식의 텐서.",
        ),
    ],
)
def test_why_a_check_was_not_run_is_said_in_korean(
    run: Callable[..., CompletedProcess[str]],
    grader: Grader,
    tmp_path: Path,
    line: str,
    korean: str,
) -> None:
    source = solved(grader, "lstm", last_step=f"{line}\nlogits = self.lin(out[:, -1])")
    (tmp_path / "lstm.py").write_text(source, "utf-8")
    done = run("check", "lstm.py", "--lang", "ko", cwd=tmp_path, COLUMNS="300")
    assert korean in done.stdout
    assert "not simulated" not in done.stdout


# ---------------------------------------------------------------- modules that a GPU does not suit

ON_GPU = "if torch.cuda.is_available():\n    "
QUICK = replace(DEFAULT, import_seconds=2, check_seconds=2, submission_seconds=12)


def test_a_module_that_fails_where_a_gpu_is_loses_what_is_looked_at_there(grader: Grader) -> None:
    source = with_top(solved(grader, "lstm"), f"{ON_GPU}raise OSError('no driver')\n")
    result = grader.grade("lstm", source)
    assert scores(result) == {"h0_c0": 2.5, "last_step": 2.75}
    failed = [check for t in result.todos for check in t.checks if not check.passed]
    assert {check.id for check in failed} == gpu_checks(grader, "lstm")
    assert all("no driver" in check.message and "line" in check.message for check in failed)


def test_a_module_that_hangs_where_a_gpu_is_loses_only_what_is_looked_at_there(
    grader: Grader,
) -> None:
    source = with_top(solved(grader, "lstm"), f"{ON_GPU}while True: pass\n")
    result = grader.grade("lstm", source, limits=QUICK)
    assert scores(result) == {"h0_c0": 2.5, "last_step": 2.75}
    assert {t.verdict for t in result.todos} == {results.TIMEOUT}


@pytest.mark.parametrize(
    "top", ["import os\nos.mkdir('checkpoints')\n", "torch.set_num_interop_threads(1)\n"]
)
def test_a_module_that_cannot_be_executed_twice_is_looked_at_in_a_process_of_its_own(
    grader: Grader, top: str
) -> None:
    right = with_top(solved(grader, "lstm"), top)
    result = grader.grade("lstm", right)
    assert result.score == result.max_score
    assert not not_run(result)
    wrong = right.replace("device=x.device", "device=torch.device('cpu')")
    assert wrong != right
    assert scores(grader.grade("lstm", wrong)) == {"h0_c0": 2.5, "last_step": 3}


def test_what_a_module_prints_where_a_gpu_is_is_not_shown_twice(grader: Grader) -> None:
    result = grader.grade("lstm", with_top(solved(grader, "lstm"), "print('loaded')\n"))
    assert result.output == "loaded\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_default_device_that_is_not_there_makes_torch_refuse_everything() -> None:
    """What the checks say of it is what happens."""
    code = "import torch\ntorch.set_default_device('cuda')\nprint('set')\ntorch.nn.LSTM(2, 3)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "set\n")
    assert "not compiled with CUDA" in done.stderr or "NVIDIA" in done.stderr


@pytest.mark.parametrize("device", ["'cuda'", "torch.device('cuda:0')", "'cuda:1'"])
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_default_device_that_is_not_there_fails_all_that_is_looked_at_without_a_gpu(
    grader: Grader, name: str, device: str
) -> None:
    top = f"torch.set_default_device({device})\n"
    result = grader.grade(name, with_top(solved(grader, name), top), diagnose=True)
    judged = [t for t in result.todos if t.id != GIVEN]  # on "cuda:1" given code differs, too
    failed = {c.id: c.message for t in judged for c in t.checks if not c.passed}
    points = {c.id for c in grader.assignments[name].checks if c.points}
    assert failed.keys() == points - gpu_checks(grader, name)
    assert all("torch.cuda.is_available() first" in message for message in failed.values())
    assert not any(t.diagnosis for t in result.todos)


def test_a_default_device_is_one_also_where_a_helper_sets_it(grader: Grader) -> None:
    helper = b"import torch\ntorch.set_default_device('cuda')\n"
    source = with_top(solved(grader, "lstm"), "import where\n")
    result = grader.grade("lstm", source, helpers={"where.py": helper})
    assert scores(result) == {"h0_c0": 0.5, "last_step": 0.25}


@pytest.mark.parametrize(
    "line",
    [
        "torch.set_default_tensor_type(torch.cuda.FloatTensor)",
        "torch.set_default_tensor_type('torch.cuda.DoubleTensor')",
        "torch._C._set_default_tensor_type(torch.cuda.FloatTensor)",
    ],
)
def test_a_default_type_of_tensors_on_the_gpu_makes_them_there(grader: Grader, line: str) -> None:
    right = solved(grader, "lstm", h0_c0=f"h0 = c0 = torch.zeros({SIZES}).to(x)")
    result = grader.grade("lstm", with_top(right, f"{ON_GPU}{line}\n"))
    assert result.score == result.max_score
    assert not_run(result) == {}
    wrong = right.replace(".to(x)", ".to(x).cpu()")
    assert wrong != right
    result = grader.grade("lstm", with_top(wrong, f"{ON_GPU}{line}\n"))
    assert scores(result) == {"h0_c0": 2.5, "last_step": 3.0}


@pytest.mark.parametrize(
    "says",
    [
        "raise type('NoGPU', (Exception,), {})('This machine has no GPU.')",
        "raise type('NotRun', (Exception,), {})('This machine has no GPU.')",
        "import sys\n    sys.modules['autograder.simulated_gpu'].supported = lambda: 'no GPU here'",
        "import sys\n    sys.modules[__name__].on_gpu.unusable = lambda: 'no GPU here'",
    ],
)
def test_to_say_that_there_is_no_gpu_wins_nothing(grader: Grader, says: str) -> None:
    wrong = f"if x.is_cuda:\n    {says}\nh0 = c0 = torch.zeros({SIZES}, dtype=x.dtype)"
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=wrong))
    h0_c0 = todo(result, "h0_c0")
    assert h0_c0.score == h0_c0.max_score - 0.5
    assert not any(check.id == "states_are_where_x_is" and check.passed for check in h0_c0.checks)


def test_what_stands_in_for_another_todo_cannot_be_asked_for(grader: Grader) -> None:
    """Of a hard-coded GPU nothing works without one, whatever the file says of itself."""
    wrong = solved(grader, "lstm", h0_c0=f"h0 = c0 = torch.zeros({SIZES}, device='cuda')")
    honest = scores(grader.grade("lstm", wrong))
    flag = 'globals()["states are ignored"] = True\n'
    assert scores(grader.grade("lstm", with_top(wrong, flag))) == honest
    assert honest["h0_c0"] == 0.5


def test_to_refuse_to_be_executed_again_without_a_gpu_is_an_error(grader: Grader) -> None:
    source = "from autograder.gpu import OnlyOnce\n" + solved(
        grader, "lstm", h0_c0="raise OnlyOnce"
    )
    result = grader.grade("lstm", source)
    assert scores(result)["h0_c0"] == 0
    assert todo(result, "h0_c0").verdict == results.ERROR
    assert not any("cannot be read" in c.message for t in result.todos for c in t.checks)
    assert not result.attempts


RAISE = "from autograder.simulated_gpu import NotSimulated\n"


def test_to_say_that_something_is_not_simulated_wins_nothing(grader: Grader) -> None:
    answer = f"{RAISE}raise NotSimulated('this')"
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=answer))
    assert todo(result, "h0_c0").score == 0
    wrong = f"{RAISE}if x.is_cuda:\n    raise NotSimulated('this')\nh0 = c0 = x.new_ones({SIZES})"
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=wrong))
    assert todo(result, "h0_c0").score == 0
    only_there = wrong.replace("new_ones", "new_zeros")
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=only_there))
    assert not_run(result) == {}
    assert todo(result, "h0_c0").score == todo(result, "h0_c0").max_score - 0.5


@pytest.mark.parametrize("move", ["to(device)", "to(device=device)", "to('cuda')", "cuda()"])
def test_a_model_that_is_moved_at_the_top_of_the_file_hides_no_mistake(
    grader: Grader, move: str
) -> None:
    end = f"\nif device.type == 'cuda':\n    model = LSTMClassifier(3, 4, 5, 1).{move}\n"
    wrong = f"h0 = c0 = torch.zeros({SIZES})"
    result = grader.grade("lstm", with_top(solved(grader, "lstm", h0_c0=wrong), NOTES) + end)
    assert not_run(result) == {}
    assert todo(result, "h0_c0").score == todo(result, "h0_c0").max_score - 0.5


def test_a_class_of_ones_own_by_the_graders_name_is_an_error(grader: Grader) -> None:
    own = "class NotSimulated(Exception):\n    pass\n\n\n"
    wrong = f"if x.is_cuda:\n    raise NotSimulated('this')\nh0 = c0 = x.new_zeros({SIZES})"
    result = grader.grade("lstm", with_top(solved(grader, "lstm", h0_c0=wrong), own))
    assert not_run(result) == {}
    assert todo(result, "h0_c0").score == todo(result, "h0_c0").max_score - 0.5


def test_a_caught_refusal_of_the_simulation_is_no_pass(grader: Grader) -> None:
    answer = f"try:\n    {UNKNOWN}except Exception:\n    pass\nlogits = self.lin(out[:, -1])"
    result = grader.grade("lstm", solved(grader, "lstm", last_step=answer))
    assert "scores_are_where_x_is" in not_run(result)


def test_only_a_check_on_the_gpu_can_be_not_run(grader: Grader) -> None:
    """Whatever a worker says: the judge knows which checks need a GPU."""
    from autograder.judge import judge

    assignment, reference = grader.assignments["lstm"], grader.reference("lstm")
    refused = Raised(NOT_SIMULATED, "this is not simulated.")
    todos = judge(assignment, reference, lambda check, apart: refused, frozenset())
    assert [t.score for t in todos] == [0, 0]
    assert {t.verdict for t in todos} == {results.ERROR}


def test_pytest_fails_where_points_are_withheld(grader: Grader, tmp_path: Path) -> None:
    """It knows no third way, and a CI that asks for its exit status gives the points."""
    source = solved(grader, "lstm", last_step=UNKNOWN + "logits = self.lin(out[:, -1])")
    (tmp_path / "lstm.py").write_text(source, "utf-8")
    for recording in (REPOSITORY / "assignments").glob("lstm.*"):
        if recording.suffix in (".safetensors", ".npz"):
            shutil.copy(recording, tmp_path)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--submission",
        "lstm.py",
        "-rs",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 8 passed" in done.stdout
    assert "__dlpack__ is not simulated." in done.stdout
