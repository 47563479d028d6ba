"""Naming the mistake: right wherever it is named, and never a guess."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

from autograder import results
from autograder.course import Course
from autograder.diagnose import Catalogue
from autograder.evidence import _claims
from autograder.grade import grade_work
from autograder.pool import Job
from autograder.submission import Work
from tests.conftest import ASSIGNMENTS, REPOSITORY, SEED, Grader, fill, scores, todo

# Wrong answers written without looking at the catalogue: <assignment>-<todo>-<id>-<number>.py, where
# an id "unknown" is a mistake that no catalogue holds.
INDEPENDENT = sorted((REPOSITORY / "tests" / "mistakes").glob("*.py"))
LEAST_NAMED = 0.95  # of the known mistakes
UNNAMED = {
    "aae-todo3-linear_missing-2": "ReLUs that work in place meet, and backward raises as well",
    "attention-mha-mask_per_batch_only-2": "folded heads, so that other sizes meet in the error",
    "aae-todo6-latent_sized_output-2": "the output has a layer of its own, drawn otherwise",
}


def named(grader: Grader, path: Path, seed: int = SEED) -> tuple[tuple[str, ...], set[str]]:
    """The diagnosis of an independent answer, and the TODOs that lost points."""
    name, id, *_ = path.stem.split("-")
    result = grader.grade(name, path.read_bytes(), diagnose=True, seed=seed)
    assert not result.grader_error
    assert not result.diagnosis_error
    assert (result.shortcuts, result.attempts) == ((), ()), "an honest mistake is no attempt"
    lost = {t.id for t in result.todos if t.score < t.max_score}
    return todo(result, id).diagnosis, lost


@pytest.mark.parametrize("path", INDEPENDENT, ids=lambda path: path.stem)
def test_an_independent_wrong_answer_is_never_named_wrong(grader: Grader, path: Path) -> None:
    _, id, mistake, _ = path.stem.split("-")
    found, lost = named(grader, path)
    if mistake == "unknown" or path.stem in UNNAMED:
        assert found == ()
    else:
        assert found == (mistake,)
    if id != "given":
        assert id in lost
        assert lost <= ({id, "last_step"} if mistake == "state_hardcoded_cuda" else {id})


def test_enough_of_the_independent_answers_are_named() -> None:
    known = [path for path in INDEPENDENT if "-unknown-" not in path.stem]
    assert len(known) >= 40
    assert set(UNNAMED) <= {path.stem for path in known}
    assert 1 - len(UNNAMED) / len(known) >= LEAST_NAMED


STATES = "h0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)\nc0 = torch.zeros_like(h0)"
LAST = "logits = self.lin(out[:, -1])"


def edited(grader: Grader, name: str, *edits: tuple[str, str]) -> str:
    source = grader.solution(name)
    for find, put in edits:
        assert source.count(find) == 1
        source = source.replace(find, put)
    return source


UNSCALED = (" / math.sqrt(Q.size(-1))", "")
OVER_QUERIES = ("torch.softmax(scores, dim=-1)", "torch.softmax(scores, dim=-2)")


def test_two_mistakes_in_one_todo_are_both_named(grader: Grader) -> None:
    result = grader.grade(
        "attention", edited(grader, "attention", UNSCALED, OVER_QUERIES), diagnose=True
    )
    sdpa = todo(result, "sdpa")
    assert set(sdpa.diagnosis) == {"unscaled", "softmax_over_queries"}
    assert not sdpa.undecided
    assert len(sdpa.feedback) == 2


def test_mistakes_in_two_todos_are_named_each_in_its_own(grader: Grader) -> None:
    source = grader.solution("lstm")
    source = source.replace("torch.zeros(", "torch.ones(")
    source = source.replace("out[:, -1]", "out[:, 0]")
    result = grader.grade("lstm", source, diagnose=True)
    assert todo(result, "h0_c0").diagnosis == ("ones_state",)
    assert todo(result, "last_step").diagnosis == ("first_step",)


def test_what_builds_on_a_mistake_keeps_its_points_and_is_not_diagnosed(grader: Grader) -> None:
    result = grader.grade("attention", edited(grader, "attention", UNSCALED), diagnose=True)
    assert todo(result, "sdpa").diagnosis == ("unscaled",)
    mha = todo(result, "mha")
    assert (mha.verdict, mha.diagnosis, mha.carried_from) == (results.PASSED, (), ("sdpa",))


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_right_answer_runs_no_variant(grader: Grader, name: str) -> None:
    catalogue = Catalogue(grader.warm, grader.course, grader.assignments[name], SEED)
    file = f"{name}.py"
    work = Work(name, file, Job(name, file, {file: grader.solution(name).encode()}))
    reference = grader.reference(name)
    result = grade_work(
        grader.warm, "x", work, grader.assignments[name], reference, SEED, catalogue=catalogue
    )
    assert result.score == result.max_score
    assert not catalogue._shown
    assert not catalogue._bench._workers


def test_a_fault_in_diagnosis_costs_no_mark_and_is_reported_apart(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = edited(grader, "attention", UNSCALED)
    whole = grader.grade("attention", source, diagnose=True)

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Catalogue, "singles", broken)
    result = grader.grade("attention", source, diagnose=True)
    assert scores(result) == scores(whole)
    assert result.diagnosis_error == "RuntimeError: a fault of ours"
    assert not result.grader_error
    assert todo(result, "sdpa").diagnosis == ()


def test_an_instructor_can_accept_a_mistake(grader: Grader, tmp_path: Path) -> None:
    (tmp_path / "solutions" / "variants").mkdir(parents=True)
    (tmp_path / "assignments").mkdir()
    source = grader.solution("vit")
    (tmp_path / "solutions" / "vit.py").write_text(source, "utf-8")
    catalogue = (REPOSITORY / "solutions" / "variants" / "vit.toml").read_text("utf-8")
    head, mean_pool, tail = catalogue.partition('id = "mean_pool"\ntodo = "body"\n')
    assert mean_pool
    tail = tail.replace("accepted = false", "accepted = true", 1)
    (tmp_path / "solutions" / "variants" / "vit.toml").write_text(head + mean_pool + tail, "utf-8")
    pooled = source.replace("x = x[:, 0]", "x = x.mean(dim=1)")
    assert pooled != source
    vit = grader.assignments["vit"]
    catalogue_of_course = Catalogue(grader.warm, Course(tmp_path), vit, SEED)
    work = Work("vit", "vit.py", Job("vit", "vit.py", {"vit.py": pooled.encode()}))
    result = grade_work(
        grader.warm, "x", work, vit, grader.reference("vit"), SEED, catalogue=catalogue_of_course
    )
    catalogue_of_course.close()
    assert result.score == result.max_score
    assert todo(result, "body").diagnosis == ("mean_pool",)
    assert grader.grade("vit", pooled).score < result.max_score, "it is a mistake elsewhere"


RANDOM = {
    "sdpa": ("attention", "torch.softmax(scores, dim=-1)", "torch.rand_like(scores).softmax(-1)"),
    "last_step": ("lstm", "self.lin(last)", "torch.randn_like(self.lin(last))"),
    "cls_token": ("vit", "x + self.positions", "x + self.positions + torch.randn_like(x) / 9"),
    "encoder_block": ("vit", "x = out + x", "x = out + x + torch.randn_like(x) / 9"),
}


@pytest.mark.parametrize("id", RANDOM)
def test_that_an_answer_is_random_names_no_mistake(grader: Grader, id: str) -> None:
    name, find, put = RANDOM[id]
    wrong = todo(grader.grade(name, edited(grader, name, (find, put)), diagnose=True), id)
    assert wrong.score < wrong.max_score
    assert wrong.diagnosis == ()


def test_a_pair_of_states_is_not_called_a_lone_one(grader: Grader) -> None:
    """The states are right, and refused by an LSTM whose first axis is the time."""
    source = edited(grader, "lstm", ("batch_first=True", "batch_first=False"))
    wrong = todo(grader.grade("lstm", source, diagnose=True), "h0_c0")
    assert wrong.score < wrong.max_score
    assert "only_hidden_passed" not in wrong.diagnosis


CPU_BUFFER = """
    last = torch.zeros(x.size(0), self.hdim, dtype=x.dtype)
    last[:] = out[:, -1]
    logits = self.lin(last)
"""


def test_what_is_wrong_on_a_gpu_and_known_to_none_is_said_without_a_name(grader: Grader) -> None:
    source = fill(grader.stub("lstm"), h0_c0=STATES, last_step=textwrap.dedent(CPU_BUFFER))
    wrong = todo(grader.grade("lstm", source, diagnose=True), "last_step")
    assert wrong.verdict == results.ERROR
    assert wrong.diagnosis == ()
    assert "On a GPU something in the line below is still on the CPU" in " ".join(wrong.evidence)


def test_a_graph_that_is_cut_before_the_lstm_is_not_cut_after_it(grader: Grader) -> None:
    source = fill(grader.stub("lstm"), h0_c0=f"x = x.detach()\n{STATES}", last_step=LAST)
    result = grader.grade("lstm", source, diagnose=True)
    assert todo(result, "last_step").diagnosis == ()
    source = fill(grader.stub("lstm"), h0_c0=STATES, last_step=f"out = out.detach()\n{LAST}")
    result = grader.grade("lstm", source, diagnose=True)
    assert todo(result, "last_step").diagnosis == ("detached",)


def test_a_name_that_is_misspelt_is_not_called_one_of_another_tutorial(grader: Grader) -> None:
    def found(names: str) -> tuple[str, ...]:
        states = f"h0 = x.new_zeros({names})\nc0 = torch.zeros_like(h0)"
        source = fill(grader.stub("lstm"), h0_c0=states, last_step=LAST)
        return todo(grader.grade("lstm", source, diagnose=True), "h0_c0").diagnosis

    assert found("self.nlayer, x.size(0), self.hdim") == ()
    assert found("self.n_layer, x.siz(0), self.hdim") == ()
    assert found("self.num_layers, x.size(0), self.hidden_size") == ("foreign_names",)


def test_a_mistake_that_stands_alone_is_in_no_pair(grader: Grader) -> None:
    catalogue = grader.catalogue("vit")
    alone = {v.id for c in catalogue.singles("encoder_block") for v in c.variants if v.alone}
    assert "attention_unused" in alone
    paired = {v.id for c in catalogue.pairs("encoder_block") for v in c.variants}
    assert paired
    assert not paired & alone


# ------------------------------------------------------------------------------- plain evidence

WANT = np.random.default_rng(1).normal(size=(3, 4, 5))
AXES = ["batch", "query", "feature"]


def claims(got: np.ndarray, want: np.ndarray = WANT) -> str:
    return " ".join(sentence for _, sentence in _claims("out", want, got, 1e-9, AXES))


def test_evidence_names_a_constant_factor_and_its_root() -> None:
    assert "3.162 times (= √10)" in claims(WANT * 10**0.5)
    assert "0.3333 times (= 1/3)" in claims(WANT / 3)
    assert "-1 times" in claims(-WANT)


def test_evidence_names_axes_in_another_order() -> None:
    assert "(query, batch, feature)" in claims(WANT.transpose(1, 0, 2))


def test_evidence_names_a_shift_and_an_offset() -> None:
    assert "shifted by +1 along query" in claims(np.roll(WANT, 1, 1))
    assert "the same amount everywhere: +0.5" in claims(WANT + 0.5)


def test_evidence_names_the_one_place_that_is_wrong_or_right() -> None:
    got = WANT.copy()
    got[:, 2] += 1 + np.arange(5)
    assert "wrong only at query = 2" in claims(got)
    got = WANT + np.arange(60).reshape(WANT.shape) + 1
    got[:, 1] = WANT[:, 1]
    assert "right only at query = 1" in claims(got)


def test_evidence_does_not_make_much_of_a_short_axis_or_of_nothing() -> None:
    got = WANT.copy()
    got[1] += 1 + np.arange(5)
    assert "only at batch" not in claims(got), "one of three is chance"
    want = WANT.copy()
    want[:, 1] = 0
    got = want + np.arange(60).reshape(WANT.shape) + 1
    got[:, 1] = 0
    assert "right only at" not in claims(got, want), "nothing is easily right"


def test_evidence_says_where_its_number_holds_for_one_input_only(grader: Grader) -> None:
    head = "logits = self.lin(out[:, -1])"
    source = fill(grader.stub("lstm"), h0_c0=STATES, last_step=f"{head} / self.hdim**0.5")
    (scaled, *_) = todo(grader.grade("lstm", source, diagnose=True), "last_step").evidence
    assert scaled.startswith("logits is 0.4472 times (= 1/√5) what is expected, in every entry.")
    assert scaled.endswith("(Numbers of one input; for others they differ.)")
    source = fill(grader.stub("lstm"), h0_c0=STATES, last_step=f"{head} / 3")
    (scaled, *_) = todo(grader.grade("lstm", source, diagnose=True), "last_step").evidence
    assert scaled == "logits is 0.3333 times (= 1/3) what is expected, in every entry."


def test_evidence_says_along_which_axis_weights_sum_to_one() -> None:
    weights = np.exp(WANT) / np.exp(WANT).sum(-1, keepdims=True)
    other = np.exp(WANT) / np.exp(WANT).sum(-2, keepdims=True)
    said = claims(other, weights)
    assert "should sum to 1 along feature" in said
    assert "sums to 1 along query instead" in said


def test_evidence_claims_nothing_of_noise_and_of_what_is_almost_so() -> None:
    noise = np.random.default_rng(2).normal(size=WANT.shape)
    assert claims(noise) == ""
    assert claims(WANT * 2 + 1e-6 * noise) == ""
    assert claims(np.full_like(WANT, np.nan)) == ""
