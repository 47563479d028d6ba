"""Every TODO of every assignment: what the solution, the stub and the cheapest answers get for it."""

import textwrap
from collections.abc import Callable

import pytest

from autograder import results
from autograder.check import GIVEN
from autograder.results import Result
from autograder.stubs import regions
from tests.conftest import ASSIGNMENTS, REPOSITORY, SEED, Grader, fill, messages, todo

SEEDS = (SEED, 2025, 2**31 - 1)
FULL = "full"


def answers(name: str) -> dict[str, str]:
    """What the solution of an assignment writes for each of its TODOs."""
    source = (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")
    lines = source.splitlines()
    return {
        region.id: textwrap.dedent("\n".join(lines[region.start + 1 : region.end - 1]))
        for region in regions(source, name)
    }


def solved(grader: Grader, name: str, **other: str) -> str:
    """The stub with every TODO solved; `other` are answers that stand in place of the solution's."""
    return fill(grader.stub(name), **(answers(name) | other))


def with_classes(source: str, classes: str) -> str:
    """A source with more classes in it, after its imports."""
    head, line, rest = source.partition("from torch import Tensor, nn\n")
    assert line, "the stub's imports have changed"
    return head + line + textwrap.dedent(classes) + rest


def marks(result: Result) -> dict[str, float | str]:
    """Each TODO's score, or "full"."""
    assert not result.grader_error
    return {
        t.id: FULL if t.max_score > 0 and t.score == t.max_score else t.score for t in result.todos
    }


TODOS = [(name, id) for name in ASSIGNMENTS for id in answers(name)]
each_todo = pytest.mark.parametrize(("name", "id"), TODOS, ids=[f"{n}-{i}" for n, i in TODOS])


@pytest.fixture(scope="module")
def graded(grader: Grader) -> Callable[..., Result]:
    """`grader.grade`, which does not grade the same source twice."""
    seen: dict[tuple[str, str, int], Result] = {}

    def grade(name: str, source: str, seed: int = SEED) -> Result:
        if (name, source, seed) not in seen:
            seen[name, source, seed] = grader.grade(name, source, seed=seed)
        return seen[name, source, seed]

    return grade


def test_every_todo_with_points_is_tested_here(grader: Grader) -> None:
    with_points = [
        (name, id)
        for name, assignment in grader.assignments.items()
        for id in assignment.todos
        if assignment.points(id) > 0
    ]
    assert sorted(TODOS) == sorted(with_points)


@pytest.mark.parametrize("seed", SEEDS)
@each_todo
def test_the_solution_gets_full_marks(
    grader: Grader, graded: Callable[..., Result], name: str, id: str, seed: int
) -> None:
    result = graded(name, grader.solution(name), seed)
    assert todo(result, id).verdict == results.PASSED, messages(result)
    assert todo(result, id).score == grader.assignments[name].points(id) > 0
    assert todo(result, id).carried_from == ()
    assert GIVEN not in marks(result)


@each_todo
def test_the_untouched_stub_gets_nothing(
    grader: Grader, graded: Callable[..., Result], name: str, id: str
) -> None:
    result = graded(name, grader.stub(name))
    assert todo(result, id).score == 0
    assert todo(result, id).verdict == results.NOT_ATTEMPTED
    assert {check.message for check in todo(result, id).checks} == {"Not attempted yet."}
    assert GIVEN not in marks(result)


# What `last_step` and the TODOs that nothing stands before show when they alone are done.
BLOCKED = {("lstm", "last_step"): "This could not be judged until h0_c0 works."}
CARRIED = {("attention", "mha"): ("sdpa",), ("vit", "body"): ("cls_token", "encoder_block")}


@each_todo
def test_a_todo_done_alone_gets_full_marks_unless_another_hides_it(
    grader: Grader, graded: Callable[..., Result], name: str, id: str
) -> None:
    result = graded(name, fill(grader.stub(name), **{id: answers(name)[id]}))
    done = todo(result, id)
    if reason := BLOCKED.get((name, id)):
        # The stub raises before this line is reached, and nothing is known of it.
        assert (done.score, done.verdict) == (0, results.FAILED)
        assert {check.message for check in done.checks} == {reason}
    else:
        assert (marks(result)[id], done.verdict) == (FULL, results.PASSED), messages(result)
        if name != "aae":
            assert done.carried_from == CARRIED.get((name, id), ())
    others = {t.id: (t.score, t.verdict) for t in result.todos if t.id not in (id, GIVEN)}
    assert others == dict.fromkeys(others, (0, results.NOT_ATTEMPTED))
    assert GIVEN not in marks(result)


# ------------------------------------------------------ zeros, an echo, constants: no work at all

LAYERS = """

class Zeros(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.width = width

    def forward(self, x):
        return x.new_zeros(*x.shape[:-1], self.width)


class Constant(Zeros):
    def forward(self, x):
        return torch.full((*x.shape[:-1], self.width), 0.5, dtype=x.dtype)


class Echo(nn.Module):
    def forward(self, x):
        return x
"""

IDLE: dict[tuple[str, str], dict[str, str]] = {
    # Zeros are the right answer for the states; here nothing is what can stand for them.
    ("lstm", "h0_c0"): {
        "nothing": "h0 = c0 = None",
        "ones": "h0 = c0 = torch.ones(self.n_layer, x.size(0), self.hdim)",
        "halves": "h0 = c0 = torch.full((self.n_layer, x.size(0), self.hdim), 0.5)",
        "echo": "h0 = c0 = x",
        "empty": "h0 = c0 = x.new_zeros(0)",
    },
    ("lstm", "last_step"): {
        "zeros": "logits = x.new_zeros(x.size(0), self.ydim)",
        "ones": "logits = x.new_ones(x.size(0), self.ydim)",
        "halves": "logits = torch.full((x.size(0), self.ydim), 0.5)",
        "echo": "logits = x",
        "echo of the hidden state": "logits = out[:, -1]",
        "bias": "logits = self.lin.bias.expand(x.size(0), -1)",
    },
    ("attention", "sdpa"): {
        "zeros": """
            attention = Q.new_zeros(*Q.shape[:-1], K.size(-2))
            out = Q.new_zeros(*Q.shape[:-1], V.size(-1))
        """,
        "ones": """
            attention = Q.new_ones(*Q.shape[:-1], K.size(-2))
            out = Q.new_ones(*Q.shape[:-1], V.size(-1))
        """,
        "equal weights": """
            attention = torch.full((*Q.shape[:-1], K.size(-2)), 1 / K.size(-2), dtype=Q.dtype)
            out = attention @ V
        """,
        "equal weights of what is visible": """
            attention = Q.new_ones(*Q.shape[:-1], K.size(-2))
            if mask is not None:
                attention = attention * mask
            attention = attention / attention.sum(-1, keepdim=True)
            out = attention @ V
        """,
        "echo": "out, attention = Q, K",
        "echo of the values": "out, attention = V, Q @ K.transpose(-2, -1)",
    },
    ("attention", "mha"): {
        "zeros": """
            attention = Q.new_zeros(Q.size(0), self.n_head, Q.size(1), K.size(1))
            out = torch.zeros_like(Q)
        """,
        "ones": """
            attention = Q.new_ones(Q.size(0), self.n_head, Q.size(1), K.size(1))
            out = torch.ones_like(Q)
        """,
        "equal weights": """
            attention = Q.new_ones(Q.size(0), self.n_head, Q.size(1), K.size(1)) / K.size(1)
            out = self.W_O(self.W_V(V).mean(1, keepdim=True).expand_as(Q))
        """,
        "echo": "out, attention = Q, K",
        "echo of sdpa": "out, attention = self.sdpa(Q, K, V, mask)",
    },
    ("vit", "cls_token"): {
        "zeros": "x = torch.zeros_like(torch.cat([x[:, :1], x], dim=1))",
        "ones": "x = torch.ones_like(torch.cat([x[:, :1], x], dim=1))",
        "halves": "x = torch.full((batch, x.size(1) + 1, x.size(2)), 0.5)",
        "echo": "pass",
        "echo of the positions": "x = self.positions.expand(batch, -1, -1)",
    },
    ("vit", "encoder_block"): {
        "zeros": """
            attention = x.new_zeros(x.size(0), self.mha.num_heads, x.size(1), x.size(1))
            x = torch.zeros_like(x)
        """,
        "zeros beside the right attention": """
            attention = self.mha(self.norm_1(x))[1]
            x = torch.zeros_like(x)
        """,
        "halves": """
            attention = torch.full((x.size(0), self.mha.num_heads, x.size(1), x.size(1)), 0.5)
            x = torch.full(x.shape, 0.5)
        """,
        "echo": "attention = x",
        "echo beside the right attention": "attention = self.mha(self.norm_1(x))[1]",
    },
    ("vit", "body"): {
        "zeros": """
            _, attentions = self.em(self.ie(x))
            x = x.new_zeros(x.size(0), self.classification_head.out_features)
        """,
        "halves": """
            attentions = [torch.full((1, 1, 1, 1), 0.5) for _ in self.em.blocks]
            x = torch.full((x.size(0), self.classification_head.out_features), 0.5)
        """,
        "echo": "attentions = [x]",
        "bias": """
            _, attentions = self.em(self.ie(x))
            x = self.classification_head.bias.expand(x.size(0), -1)
        """,
    },
}
for _id, _width in {
    "todo1": 512,
    "todo2": 512,
    "todo3": 512,
    "todo4": 1024,
    "todo5": 512,
    "todo6": 1,
    "todo7": 1,
}.items():
    IDLE["aae", _id] = {
        "zeros": f"Zeros({_width}),",
        "halves": f"Constant({_width}),",
        "echo": "Echo(),",
    }

CASES = [(name, id, idle) for (name, id), kinds in IDLE.items() for idle in kinds]


def idle_source(grader: Grader, name: str, id: str, idle: str) -> str:
    source = solved(grader, name, **{id: textwrap.dedent(IDLE[name, id][idle])})
    return with_classes(source, LAYERS) if name == "aae" else source


def test_every_todo_has_answers_without_work() -> None:
    assert sorted(IDLE) == sorted(TODOS)


@pytest.mark.parametrize(("name", "id", "idle"), CASES, ids=["-".join(case) for case in CASES])
def test_an_answer_without_work_gets_nothing_and_costs_no_other_todo(
    grader: Grader, name: str, id: str, idle: str
) -> None:
    result = grader.grade(name, idle_source(grader, name, id, idle))
    expected = {other: 0 if other == id else FULL for n, other in TODOS if n == name}
    assert marks(result) == expected, messages(result)
    assert todo(result, id).verdict in (results.FAILED, results.ERROR)
    assert all(check.message for check in todo(result, id).checks)


ONLY_CLASS = {
    ("aae", "Encoder"): ("todo1", "todo2", "todo3"),
    ("aae", "Decoder"): ("todo4",),
    ("aae", "Discriminator"): ("todo5", "todo6", "todo7"),
}
RETURNS = {
    ("aae", "Encoder"): "(x.size(0), self.mu.out_features)",
    ("aae", "Decoder"): "(x.size(0), 1, 32, 32)",
    ("aae", "Discriminator"): "(x.size(0), 1)",
}


@pytest.mark.parametrize("value", ["0.0", "0.5", "1.0"])
@pytest.mark.parametrize(("name", "network"), ONLY_CLASS, ids=[n for _, n in ONLY_CLASS])
def test_a_network_that_gives_a_constant_gets_nothing_for_its_layers(
    grader: Grader, name: str, network: str, value: str
) -> None:
    constant = f"""


    class {network}({network}):
        def forward(self, x):
            return torch.full({RETURNS[name, network]}, {value}, dtype=x.dtype)
    """
    result = grader.grade(name, grader.solution(name) + textwrap.dedent(constant))
    got = marks(result)
    got.pop(GIVEN, None)  # the given forward() was changed, which may be reported
    lost = ONLY_CLASS[name, network]
    assert got == {id: 0 if id in lost else FULL for n, id in TODOS if n == name}


@pytest.mark.parametrize("network", ["Encoder", "Decoder", "Discriminator"])
def test_a_network_that_gives_its_input_gets_nothing_for_its_layers(
    grader: Grader, network: str
) -> None:
    echo = f"""


    class {network}({network}):
        def forward(self, x):
            return x
    """
    result = grader.grade("aae", grader.solution("aae") + textwrap.dedent(echo))
    got = marks(result)
    got.pop(GIVEN, None)
    lost = ONLY_CLASS["aae", network]
    assert got == {id: 0 if id in lost else FULL for n, id in TODOS if n == "aae"}


@pytest.mark.parametrize("layer", ["nn.BatchNorm1d(512)", "nn.Linear(512, 512)"])
def test_a_given_layer_that_cannot_be_made_is_an_error(grader: Grader, layer: str) -> None:
    """Of such a Decoder nothing works, and the error is said."""
    head, decoder = solved(grader, "aae").split("class Decoder")
    broken = decoder.replace(layer, layer.partition("(")[0], 1)
    assert broken != decoder
    result = grader.grade("aae", f"{head}class Decoder{broken}")
    got = {t.id: t.score for t in result.todos if t.max_score}
    assert got == {f"todo{n}": float(n != 4) for n in range(1, 8)}
    assert "is not a Module subclass" in todo(result, "todo4").checks[0].message


@pytest.mark.parametrize(
    ("unmade", "told"),
    [
        ({"todo2": "nn.ReLU,"}, "ReLU is not a Module subclass"),
        ({"todo2": "torch.relu,"}, "relu is not a Module subclass"),
        ({"todo2": "nn.Relu(),"}, "has no attribute 'Relu'"),
        ({"todo1": "nn.Dropout(p=20),"}, "dropout probability has to be between 0 and 1"),
        ({"todo3": "nn.Linear(512),"}, "'out_features'"),
        ({"todo2": "nn.ReLU,", "todo3": "nn.Linear(512),"}, ""),
        ({"todo4": "nn.Linear,"}, "Linear is not a Module subclass"),
        ({"todo5": "nn.linear(latent_dim, 512),"}, "has no attribute 'linear'"),
        ({"todo6": "nn.Linear((256, 1)),"}, "'out_features'"),
        ({"todo7": "nn.Sigmoid,"}, "Sigmoid is not a Module subclass"),
    ],
)
def test_a_layer_that_cannot_be_made_costs_its_own_todo_only(
    grader: Grader, unmade: dict[str, str], told: str
) -> None:
    """And it is the student's own line that raises; of the given code nothing is said."""
    result = grader.grade("aae", solved(grader, "aae", **unmade), diagnose=True)
    got = {t.id: t.score for t in result.todos}
    assert got == {f"todo{n}": float(f"todo{n}" not in unmade) for n in range(1, 8)}
    for one in result.todos:
        if one.id in unmade:
            failed = [check for check in one.checks if not check.passed]
            assert one.verdict == results.ERROR
            assert all(
                told in check.message and "in aae.py, line" in check.message for check in failed
            )
