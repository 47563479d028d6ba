"""The mutants of a solution: one small change each, inside the marked regions only."""

import ast
import textwrap
import tomllib
from functools import cache

import pytest

from autograder.errors import CourseError
from autograder.mutants import Mutant, echoes, mutants
from autograder.stubs import regions
from tests.conftest import ASSIGNMENTS, REPOSITORY

MODULE = '''\
"""A module with one region; what stands around it is never touched."""
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 2)

    def forward(self, x, y):
        h = x * 2
        # TODO it: All of it.
        # BEGIN SOLUTION it
{region}
        # END SOLUTION
        late = out + 1
        return late
'''


def solution(name: str) -> str:
    return (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")


@cache
def mutants_of(name: str) -> list[Mutant]:
    return mutants(solution(name), name)


def module(code: str) -> str:
    return MODULE.format(region=textwrap.indent(code, " " * 8))


def answers(code: str) -> list[str]:
    """What stands in the region of each mutant of a tiny module."""
    found = []
    for mutant in mutants(module(code), "tiny.py"):
        (region,) = regions(mutant.source, "tiny.py")
        lines = mutant.source.splitlines()[region.start + 1 : region.end - 1]
        found.append(textwrap.dedent("\n".join(lines)))
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param(
            "out = x / y",
            ["x + y", "x - y", "x * y", "x // y", "x ** y", "x @ y", "x", "y", "y / x"],
            id="arithmetic",
        ),
        pytest.param("out = x < y", ["x == y", "x != y", "x > y", "x <= y", "x >= y"], id="order"),
        pytest.param("out = x is None", ["x is not None", "x is True"], id="identity"),
        pytest.param("out = x in y", ["x not in y"], id="membership"),
        pytest.param("out = x and y", ["x or y", "x", "y"], id="logic"),
        pytest.param("out = not x", ["x"], id="negation"),
        pytest.param("out = -x", ["x"], id="sign"),
        pytest.param("out = 5", ["4", "6", "-5", "10", "0", "1", "-1"], id="int"),
        pytest.param("out = x.sum(-1)", ["x.sum(-2)", "x.sum(0)", "x.sum(1)"], id="last axis"),
        pytest.param("out = x.sum(1)", ["x.sum(-2)", "x.sum(-1)", "x.sum(0)"], id="axis"),
        pytest.param("out = 0.2", ["0.1", "0.4", "0.8", "-0.2", "0.0", "1.0"], id="float"),
        pytest.param("out = True", ["False"], id="bool"),
        pytest.param("out = float('-inf')", ['float("inf")', 'float("nan")'], id="infinity"),
        pytest.param(
            "out = x[:, 1]",
            ["x[1:, 1]", "x[:-1, 1]", "x[0, 1]", "x[:, 1:]", "x[:, :]", "x[1, :]", "x[1]", "x"],
            id="index",
        ),
        pytest.param("out = x.abs().sum(0)", ["x.abs()", "x.sum(0)", "0"], id="method"),
        pytest.param("out = torch.add(x, y)", ["x", "y", "torch.add(y, x)"], id="function"),
        pytest.param("out = len(x)", ["x", "len()"], id="builtin"),
        pytest.param("out = self.first(x)", ["self.second(x)", "x"], id="attribute"),
        pytest.param("out = x", ["y", "h"], id="name"),
        pytest.param("out = (x, y)", ["(y, x)", "(y)", "(x, )", "(x, x)"], id="tuple"),
        pytest.param("out = [x, y]", ["[y, x]", "[y]", "[x, ]"], id="list"),
        pytest.param(
            "out = x.sum(dim=h, keepdim=y)",
            ["x.sum(keepdim=y)", "x.sum(dim=h, )", "x.sum(dim=y, keepdim=h)"],
            id="keyword",
        ),
        pytest.param("out = torch.cat(x)", ["torch.stack(x)"], id="function's sibling"),
        pytest.param("out = nn.Dropout(x)", ["nn.Dropout1d(x)"], id="dropout"),
        pytest.param("out = nn.ReLU()", ["nn.GELU()", "nn.ReLU(inplace=True)"], id="activation"),
        pytest.param(
            "out = nn.Linear(512, 10)",
            ["nn.Linear(10, 512)", "nn.Linear(512, 11)", "nn.Linear(512, 10, bias=False)"],
            id="linear",
        ),
        pytest.param(
            'out = repeat(x, "() n -> b n")',
            ['repeat(x, "n () -> b n")', 'repeat(x, "() n -> n b")'],
            id="einops",
        ),
        pytest.param(
            'out = torch.einsum("bij,bjk->bik", x, y)',
            ['torch.einsum("bji,bjk->bik", x, y)', 'torch.einsum("bij,bjk->bki", x, y)'],
            id="einsum",
        ),
        pytest.param(
            "out = x if y else h", ["x if True else h", "x if not (y) else h"], id="choice"
        ),
    ],
)
def test_a_mutant_changes_one_thing(code: str, expected: list[str]) -> None:
    assert {f"out = {text}" for text in expected} <= set(answers(code))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("out = x\nout += y", ["pass\nout += y", "out = x\npass", "out += y\nout = x"]),
        ("out = x\nout += y", ["out = x\nout -= y"]),
        ("if x:\n    out = y", ["pass", "if x:\n    pass", "if True:\n    out = y"]),
        ("out, h = y", ["h, out = y", "h = y", "out, = y"]),
    ],
)
def test_statements_are_dropped_and_swapped(code: str, expected: list[str]) -> None:
    assert set(expected) <= set(answers(code))


def test_what_is_left_keeps_its_parentheses() -> None:
    found = answers("out = 2 * (x - y).abs()")
    assert "out = 2 * (x - y)" in found
    assert "out = 2 * x - y" not in found


def test_a_line_may_hold_any_letters() -> None:
    assert 'out = self.first("√d_가", y) + x' in answers('out = self.first("√d_가", x) + x')


def test_what_python_refuses_or_warns_of_is_no_mutant() -> None:
    found = answers("out = f(a=x, b=y)\nout = y.flip(0)[0]")
    assert "out = f(a=x, b=x)\nout = y.flip(0)[0]" in found
    for answer in found:
        compile(answer, "<answer>", "exec")  # a warning is an error here


def test_what_means_the_same_is_no_mutant() -> None:
    found = answers("out = x + x")
    assert "out = x + x" not in found
    assert found.count("out = x") == 1
    assert "out = -0" not in answers("out = -1")


def test_a_name_is_one_that_the_region_can_see() -> None:
    found = answers("out = x\nout = torch.relu(out)")
    assert "out = h\nout = torch.relu(out)" in found
    assert not any("late" in answer or "self" in answer for answer in found)
    assert not any("torch" not in answer for answer in found if answer.count("relu"))


def test_an_id_says_where_and_what() -> None:
    found = mutants(module("out = x\nout = out / 2 / 2"), "tiny.py")
    by_id = {mutant.id: mutant for mutant in found}
    assert by_id["it:2 `/` -> `*`"].description == "out = out / 2 / 2 -> out = out * 2 / 2"
    assert by_id["it:2 `/` -> `*` #2"].description == "out = out / 2 / 2 -> out = out / 2 * 2"
    assert by_id["it:1 `x` -> `y`"].todo == "it"


def test_an_id_does_not_depend_on_what_stands_around() -> None:
    source = solution("attention")
    moved = f"# One more line.\n{source}\n\nlast = None\n"
    assert [mutant.id for mutant in mutants(moved, "moved")] == [
        mutant.id for mutant in mutants_of("attention")
    ]


def test_markers_out_of_order_are_refused() -> None:
    with pytest.raises(CourseError, match="line 15: BEGIN SOLUTION without an END"):
        mutants(module("out = x").replace("# END SOLUTION", ""), "tiny.py")


def test_a_source_without_regions_has_no_mutants() -> None:
    assert mutants("x = 1 + 2\n", "tiny.py") == []


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_mutant_of_a_solution_differs_in_its_own_region_only(name: str) -> None:
    source = solution(name)
    lines = source.splitlines(keepends=True)
    around = {
        region.id: ("".join(lines[: region.start + 1]), "".join(lines[region.end - 1 :]))
        for region in regions(source, name)
    }
    assert {mutant.todo for mutant in mutants_of(name)} == set(around)
    for mutant in mutants_of(name):
        before, after = around[mutant.todo]
        assert mutant.source.startswith(before), mutant.id
        assert mutant.source.endswith(after), mutant.id


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_mutants_of_a_solution_all_compile_and_all_differ(name: str) -> None:
    found = mutants_of(name)
    trees = {ast.dump(ast.parse(mutant.source)) for mutant in found}
    assert len(trees | {ast.dump(ast.parse(solution(name)))}) == len(found) + 1
    assert len({mutant.id for mutant in found}) == len(found)
    for mutant in found:
        compile(mutant.source, mutant.id, "exec")


def test_the_mutants_of_a_solution_are_the_same_each_time() -> None:
    assert mutants(solution("lstm"), "lstm") == mutants_of("lstm")


def test_the_solutions_have_many_mutants_but_no_flood() -> None:
    assert 300 <= sum(len(mutants_of(name)) for name in ASSIGNMENTS) < 900


def test_each_equivalent_is_a_mutant_and_has_its_reason() -> None:
    path = REPOSITORY / "solutions" / "variants" / "equivalent.toml"
    tables = tomllib.loads(path.read_text("utf-8"))["equivalent"]
    named = [(table["assignment"], table["mutant"]) for table in tables]
    assert len(set(named)) == len(named)
    assert set(named) <= {(name, mutant.id) for name in ASSIGNMENTS for mutant in mutants_of(name)}
    assert all(table["reason"].endswith(".") for table in tables)


def test_an_echo_gives_back_the_first_input_in_as_many_parts_as_are_asked_for() -> None:
    found = {name: {e.todo: e for e in echoes(solution(name), name)} for name in ASSIGNMENTS}
    assert {name: set(todos) for name, todos in found.items()} == {
        "lstm": {"h0_c0", "last_step"},
        "attention": {"sdpa", "mha"},
        "vit": {"cls_token", "encoder_block", "body"},
        "aae": set(),  # layers in a list
    }
    sdpa = found["attention"]["sdpa"]
    assert sdpa.description == "return Q, Q"
    (method,) = (
        node
        for node in ast.walk(ast.parse(sdpa.source))
        if isinstance(node, ast.FunctionDef)
        and "return (Q, Q)" in (ast.unparse(statement) for statement in node.body)
    )
    assert ast.unparse(method.body[1]) == "return (Q, Q)", "first, after the docstring"
