"""Layers find their places: one line too many or too few never shifts the blame to its neighbours."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.checks.aae import LISTS, align, kind_of
from tests.conftest import Grader, scores, todo


def encoder() -> list[nn.Module]:
    return [
        nn.Linear(1024, 512),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.Dropout(0.2),
        nn.ReLU(),
    ]


def decoder() -> list[nn.Module]:
    return [
        nn.Linear(10, 512),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.BatchNorm1d(512),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(512, 1024),
        nn.Tanh(),
    ]


def discriminator() -> list[nn.Module]:
    return [
        nn.Linear(10, 512),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.Dropout(0.2),
        nn.ReLU(),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    ]


REFERENCE = {"Encoder": encoder, "Decoder": decoder, "Discriminator": discriminator}
# The TODOs of each list, by place.
TODOS = {
    "Encoder": {1: "todo1", 2: "todo2", 3: "todo3"},
    "Decoder": {7: "todo4"},
    "Discriminator": {0: "todo5", 6: "todo6", 7: "todo7"},
}
# Wrong answers of the right kind, and one of another kind.
WRONG: dict[str, Sequence[Callable[[], nn.Module]]] = {
    "todo1": (lambda: nn.Dropout(0.5), lambda: nn.Dropout2d(0.2)),
    "todo2": (nn.LeakyReLU, nn.Tanh),
    "todo3": (lambda: nn.Linear(512, 256), lambda: nn.Linear(512, 512, bias=False)),
    "todo4": (lambda: nn.Linear(512, 512), lambda: nn.Linear(512, 784)),
    "todo5": (lambda: nn.Linear(10, 256), lambda: nn.Linear(1024, 512)),
    "todo6": (lambda: nn.Linear(256, 2), lambda: nn.Linear(512, 1), lambda: nn.Linear(256, 512)),
    "todo7": (nn.Tanh, lambda: nn.Softmax(dim=1)),
}
OTHER_KIND: dict[str, Callable[[], nn.Module]] = {
    "todo1": nn.ReLU,
    "todo2": nn.Dropout,
    "todo3": nn.ReLU,
    "todo4": nn.Sigmoid,
    "todo5": nn.Dropout,
    "todo6": nn.Sigmoid,
    "todo7": lambda: nn.Linear(1, 1),
}
every_list = pytest.mark.parametrize("name", LISTS)


def shifted(name: str, written: Sequence[nn.Module | None], extra: Iterable[nn.Module] = ()) -> Any:
    """Where another layer than the one written for a place stands: {} when no blame is shifted.

    `written` says what was written for each place (None: nothing); `extra` also stands in it.
    """
    places = dict(enumerate(layer for layer in written if layer not in extra))
    found = align([layer for layer in written if layer is not None], LISTS[name])
    expected: dict[Any, nn.Module | None] = dict(places)
    expected |= {id: places[place] for place, id in TODOS[name].items()}
    return {key: found.get(key) for key, layer in expected.items() if found.get(key) is not layer}


@every_list
def test_the_reference_stands_where_it_stands(name: str) -> None:
    assert [slot.kind for slot in LISTS[name]] == [kind_of(layer) for layer in REFERENCE[name]()]
    assert {i: slot.todo for i, slot in enumerate(LISTS[name]) if slot.todo} == TODOS[name]
    assert shifted(name, REFERENCE[name]()) == {}


@every_list
def test_a_missing_line_leaves_its_own_place_empty(name: str) -> None:
    for place in range(len(LISTS[name])):
        written: list[nn.Module | None] = [*REFERENCE[name]()]
        written[place] = None
        assert shifted(name, written) == {}


@every_list
def test_two_missing_lines_leave_their_own_places_empty(name: str) -> None:
    for pair in combinations(range(len(LISTS[name])), 2):
        written: list[nn.Module | None] = [*REFERENCE[name]()]
        for place in pair:
            written[place] = None
        assert shifted(name, written) == {}, f"places {pair} are missing"


@every_list
@pytest.mark.parametrize("extra", [nn.Identity, nn.Flatten], ids=lambda layer: layer.__name__)
def test_an_extra_line_that_does_nothing_takes_nobodys_place(
    name: str, extra: Callable[[], nn.Module]
) -> None:
    for place in range(len(LISTS[name]) + 1):
        written: list[nn.Module | None] = [*REFERENCE[name]()]
        added = extra()
        written.insert(place, added)
        assert shifted(name, written, [added]) == {}, f"before place {place}"


@every_list
@pytest.mark.parametrize(
    "extra",
    [nn.ReLU, nn.Dropout, nn.Sigmoid, lambda: nn.BatchNorm1d(512), lambda: nn.Linear(512, 512)],
    ids=["ReLU", "Dropout", "Sigmoid", "BatchNorm1d", "Linear"],
)
def test_an_extra_line_takes_no_place_but_that_of_its_own_kind_beside_it(
    name: str, extra: Callable[[], nn.Module]
) -> None:
    for place in range(len(LISTS[name]) + 1):
        reference = REFERENCE[name]()
        added = extra()
        beside = {p for p in (place - 1, place) if 0 <= p < len(reference)}
        # Of two layers of a kind in a row, nobody can say which one is too many.
        alike = {p for p in beside if kind_of(reference[p]) == kind_of(added)}
        found = shifted(name, [*reference[:place], added, *reference[place:]], [added])
        places = {key for key in found if isinstance(key, int)}
        assert places <= alike, f"before place {place}"
        assert all(layer is added for layer in found.values())


@every_list
def test_of_two_alike_in_a_row_the_second_is_too_many(name: str) -> None:
    for place, layer in enumerate(REFERENCE[name]()):
        written: list[nn.Module | None] = [*REFERENCE[name]()]
        written.insert(place + 1, layer)
        assert shifted(name, written, [layer]) == {}, f"place {place} twice"


@every_list
def test_dropout_and_activation_may_change_places(name: str) -> None:
    kinds = [slot.kind for slot in LISTS[name]]
    pairs = [i for i in range(len(kinds)) if kinds[i : i + 2] == ["dropout", "activation"]]
    for place in pairs:
        layers = REFERENCE[name]()
        found = align(
            [*layers[:place], layers[place + 1], layers[place], *layers[place + 2 :]], LISTS[name]
        )
        assert all(found[i] is layer for i, layer in enumerate(layers))
    assert pairs


@every_list
def test_every_placeholder_stands_for_its_own_todo(name: str) -> None:
    for count in range(1, len(TODOS[name]) + 1):
        for untouched in combinations(TODOS[name], count):
            written: list[nn.Module | None] = [*REFERENCE[name]()]
            for place in untouched:
                written[place] = nn.Identity()
            assert shifted(name, written) == {}


@every_list
def test_a_placeholder_and_a_missing_line_leave_the_real_layers_in_their_places(name: str) -> None:
    for untouched, missing in product(TODOS[name], range(len(LISTS[name]))):
        layers = REFERENCE[name]()
        layers[untouched] = nn.Identity()
        found = align([layer for i, layer in enumerate(layers) if i != missing], LISTS[name])
        for place, layer in enumerate(layers):
            # An answer that is missing beside a placeholder: either may be the one left out.
            if place != missing and (place != untouched or missing not in TODOS[name]):
                assert found[place] is layer, f"{untouched} untouched, {missing} missing"


@every_list
def test_two_lines_in_the_wrong_order_do_not_stand_for_each_other(name: str) -> None:
    slots = LISTS[name]
    for place in range(len(slots) - 1):
        layers = REFERENCE[name]()
        layers[place : place + 2] = layers[place + 1], layers[place]
        found = align(layers, slots)
        for stands in (place, place + 1):
            assert stands not in found or kind_of(found[stands]) == slots[stands].kind
        assert place in found or place + 1 in found


@every_list
def test_an_answer_of_another_kind_stands_for_its_own_todo(name: str) -> None:
    for place, id in TODOS[name].items():
        written: list[nn.Module | None] = [*REFERENCE[name]()]
        written[place] = OTHER_KIND[id]()
        assert shifted(name, written) == {}, id


@every_list
def test_wrong_and_missing_answers_leave_right_answers_in_their_places(name: str) -> None:
    def right() -> nn.Module:
        raise AssertionError("it is there already")

    choices = [(*WRONG[id], nn.Identity, None, right) for id in TODOS[name].values()]
    for answers in product(*choices):
        layers: list[Any] = [*REFERENCE[name]()]
        answered = dict(zip(TODOS[name], answers, strict=True))
        for place, answer in answered.items():
            if answer is not right:
                layers[place] = answer and answer()
        found = align([layer for layer in layers if layer is not None], LISTS[name])
        for place, layer in enumerate(layers):
            if answered.get(place, right) is right:
                assert found.get(place) is layer, layers


LAYERS: st.SearchStrategy[Callable[[], nn.Module]] = st.sampled_from(
    [
        nn.ReLU,
        nn.Dropout,
        nn.Identity,
        nn.Flatten,
        nn.Tanh,
        lambda: nn.BatchNorm1d(3),
        lambda: nn.Linear(2, 3),
        lambda: nn.Sequential(nn.ReLU()),
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(LISTS)), st.lists(LAYERS, max_size=12))
def test_any_list_is_aligned_in_order_and_no_layer_stands_twice(
    name: str, makes: list[Callable[[], nn.Module]]
) -> None:
    layers = [make() for make in makes]
    found = align(layers, LISTS[name])
    places = {key: layers.index(layer) for key, layer in found.items() if isinstance(key, int)}
    assert places.keys() <= set(range(len(LISTS[name])))
    assert len(set(places.values())) == len(places)
    for place, id in TODOS[name].items():
        assert found.get(id) is found.get(place)
    # Only a dropout and the activation behind it may stand the other way round.
    order = [index for _, index in sorted(places.items())]
    assert all(one < other + 2 for one, other in pairwise(order))


# The same, as a grade


LINES = {
    "todo1": "            nn.Dropout(p=0.2),\n            # END SOLUTION\n            # TODO todo2",
    "todo3": "            nn.Linear(512, 512),\n            # END SOLUTION\n            nn.Dropout",
    "todo4": "            nn.Linear(512, 1024),\n",
    "todo7": "            nn.Sigmoid(),\n",
}


@pytest.mark.parametrize("id", LINES)
def test_a_line_left_out_costs_its_own_todo_only(grader: Grader, id: str) -> None:
    solution, line = grader.solution("aae"), LINES[id]
    assert solution.count(line) == 1
    result = grader.grade("aae", solution.replace(line, line.partition("\n")[2]))
    assert scores(result) == {f"todo{n}": 0.0 if id == f"todo{n}" else 1.0 for n in range(1, 8)}


HEAD = "        self.mu = nn.Linear"


def test_a_line_too_many_is_charged_to_the_todo_beside_it(grader: Grader) -> None:
    solution = grader.solution("aae")
    assert solution.count(HEAD) == 1
    extra = f"        self.model.insert(1, nn.Sigmoid())\n{HEAD}"
    result = grader.grade("aae", solution.replace(HEAD, extra))
    assert scores(result) == {f"todo{n}": 0.0 if n == 1 else 1.0 for n in range(1, 8)}


def test_a_line_too_many_among_what_is_given_costs_no_todo_and_is_reported(grader: Grader) -> None:
    extra = f"        self.model.append(nn.Linear(512, 512))\n{HEAD}"
    result = grader.grade("aae", grader.solution("aae").replace(HEAD, extra))
    assert result.score == result.max_score
    assert todo(result, "given").verdict == "failed"


def test_one_layer_may_stand_at_several_places(grader: Grader) -> None:
    source = grader.solution("aae")
    encoder, rest = source.split("class Decoder", 1)
    for layer, name in (("nn.Dropout(p=0.2),", "drop,"), ("nn.ReLU(),", "relu,")):
        assert encoder.count(layer) == 2
        encoder = encoder.replace(layer, name)
    encoder = encoder.replace(
        "        self.model =",
        "        drop, relu = nn.Dropout(p=0.2), nn.ReLU()\n        self.model =",
    )
    right = f"{encoder}class Decoder{rest}"
    wrong = right.replace("nn.Linear(512, 512),", "nn.Linear(512, 512, bias=False),", 1)
    assert set(scores(grader.grade("aae", right)).values()) == {1}
    marks = scores(grader.grade("aae", wrong))
    assert {id for id, score in marks.items() if score < 1} == {"todo3"}
