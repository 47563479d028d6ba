"""A GPU that is named in one TODO costs that TODO, and no neighbour; and it hides nothing there."""

import itertools

import pytest

from autograder import results
from tests.conftest import Grader, scores, todo
from tests.test_devices import SIZES, with_top
from tests.test_todos import solved

STATES = {
    "in the call": f"h0 = c0 = torch.zeros({SIZES}, device='cuda', dtype=x.dtype)",
    "cuda()": f"h0 = torch.zeros({SIZES}).cuda()\nc0 = torch.zeros({SIZES}).cuda()",
    "to a device": f"d = torch.device('cuda:0')\nh0 = c0 = torch.zeros({SIZES}).to(d)",
    "to a number": f"h0 = c0 = torch.zeros({SIZES}).to(0)",
    "cuda with a number": f"h0 = c0 = x.new_zeros({SIZES}).cuda(0)",
    "a default": f"with torch.device('cuda'):\n    h0 = c0 = torch.zeros({SIZES})",
}


@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
def test_states_on_a_named_gpu_cost_the_last_step_nothing(grader: Grader, states: str) -> None:
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=states), diagnose=True)
    assert scores(result) == {"h0_c0": 0.5, "last_step": 3}
    assert todo(result, "h0_c0").diagnosis == ("state_hardcoded_cuda",)


@pytest.mark.parametrize("states", STATES.values(), ids=STATES)
@pytest.mark.parametrize(
    ("last", "score"),
    [
        ("logits = self.lin(out[:, -1].cuda())", 0.25),
        ("logits = self.lin(out[:, -1].to('cuda'))", 0.25),
        ("logits = self.lin(out[:, 0])", 0),
    ],
)
def test_what_is_wrong_in_the_last_step_as_well_is_not_forgiven(
    grader: Grader, states: str, last: str, score: float
) -> None:
    result = grader.grade("lstm", solved(grader, "lstm", h0_c0=states, last_step=last))
    assert scores(result) == {"h0_c0": 0.5, "last_step": score}


LAYERS = {
    "todo3": ["nn.Linear(512, 512).cuda(),", "nn.Linear(512, 512, device='cuda'),"],
    "todo4": ["nn.Linear(512, 1024).to('cuda:0'),"],
    "todo5": ["nn.Linear(latent_dim, 512).to('cuda'),", "nn.Linear(latent_dim, 512).cuda(),"],
    "todo6": ["nn.Linear(256, 1, device=torch.device('cuda')),", "nn.Linear(256, 1).to(0),"],
}


@pytest.mark.parametrize(
    ("id", "layer"), [(id, layer) for id, layers in LAYERS.items() for layer in layers]
)
def test_a_layer_on_a_named_gpu_costs_its_own_todo_only(
    grader: Grader, id: str, layer: str
) -> None:
    result = grader.grade("aae", solved(grader, "aae", **{id: layer}), diagnose=True)
    assert scores(result) == {f"todo{n}": 1.0 for n in range(1, 8)} | {id: 0.1}
    assert todo(result, id).diagnosis == ("layer_hardcoded_cuda",)
    assert todo(result, id).verdict == results.ERROR


@pytest.mark.parametrize(("one", "other"), [*itertools.product(LAYERS["todo5"], LAYERS["todo6"])])
def test_two_layers_on_named_gpus_cost_both(grader: Grader, one: str, other: str) -> None:
    result = grader.grade("aae", solved(grader, "aae", todo5=one, todo6=other))
    assert scores(result) == {f"todo{n}": 1.0 for n in range(1, 8)} | {"todo5": 0.1, "todo6": 0.1}


def test_another_mistake_beside_a_named_gpu_costs_what_it_costs_alone(grader: Grader) -> None:
    source = solved(grader, "aae", todo3=LAYERS["todo3"][0], todo2="nn.Tanh(),")
    result = grader.grade("aae", source, diagnose=True)
    alone = grader.grade("aae", solved(grader, "aae", todo2="nn.Tanh(),"))
    assert todo(result, "todo2").score == todo(alone, "todo2").score == 0
    assert todo(result, "todo2").diagnosis == ("tanh_for_relu",)
    assert (todo(result, "todo1").score, todo(result, "todo3").score) == (1, 0.1)


@pytest.mark.parametrize(
    "edit",
    [
        ("self.mu = nn.Linear(512, latent_dim)", "self.mu = nn.Linear(512, latent_dim).cuda()"),
        ("super().__init__()", "super().__init__()\n        self.far = torch.ones(3).cuda()"),
        ("self.mu = nn", "self.model = self.model.to('cuda')\n        self.mu = nn"),
    ],
)
def test_a_network_that_names_a_gpu_outside_its_todos_cannot_be_made_without_one(
    grader: Grader, edit: tuple[str, str]
) -> None:
    source = solved(grader, "aae")
    assert edit[0] in source
    result = grader.grade("aae", source.replace(*edit, 1))
    assert [todo(result, f"todo{n}").score for n in (1, 2, 3)] == [0.1] * 3
    assert [todo(result, f"todo{n}").score for n in (4, 5, 6, 7)] == [1] * 4


def test_a_gpu_that_is_chosen_where_there_is_one_is_none_that_is_named(grader: Grader) -> None:
    top = "device = 'cuda' if torch.cuda.is_available() else 'cpu'\n"
    layers = {"todo5": "nn.Linear(latent_dim, 512, device=device),", "todo7": "nn.ReLU(),"}
    result = grader.grade("aae", with_top(solved(grader, "aae", **layers), top))
    assert todo(result, "todo5").score == todo(result, "todo6").score == 1
