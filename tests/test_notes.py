"""The listings of the lecture notes, put into the stubs as they stand: what earlier students have.

The notes are ../shared/000_329e4c39a59d1a0b.txt; their line breaks are lost there, and put back here.
"""

import re

from autograder import results
from autograder.check import GIVEN
from autograder.results import Result
from tests.conftest import Grader, fill, messages, scores, todo

DEVICE = 'device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")'

LSTM_LAYER = """\
        self.rnn = nn.LSTM(
input_size=self.xdim,hidden_size=self.hdim,num_layers=self.n_layer,batch_first=True)
"""

LSTM_STATES = """
# h와 c의 크기
h0 = torch.zeros(self.n_layer, x.size(0), self.hdim).to(device)
c0 = torch.zeros(self.n_layer, x.size(0), self.hdim).to(device)
"""

CLASS_TOKEN = """
# (1) Build [token; image embedding] by concatenating class token with image embedding
# x: embedded patches
c = repeat(self.cls_token, '() n d -> b n d', b=batch)
x = torch.cat([c, x], dim=1)
"""
POSITIONS = "x = x + self.positions\n"

# Adds the *normalised* x back. The notes' own formula, and the stub, add z itself.
ENCODER_BLOCK = """
# forward
x = self.norm_1(x)
_x, attention = self.mha(x)
x = _x + x
_x = self.norm_2(x)
_x = self.mlp(_x)
x = _x + x
"""

# The notes' formula: z' = MSA(LN(z)) + z and z = MLP(LN(z')) + z', in the listing's style.
ENCODER_BLOCK_AS_IN_THE_FORMULA = """
_x, attention = self.mha(self.norm_1(x))
x = _x + x
_x = self.mlp(self.norm_2(x))
x = _x + x
"""

BODY = """
# ================ ToDo3 ================ #
# (1) image embedding
x = self.ie(x)
# (2) transformer_encoder
x, attentions = self.em(x)
# ======================================= #
x = x[:, 0, :] # cls_token output
x = self.normalization(x)
x = self.classification_head(x)
"""

ENCODER = """\
        self.model = nn.Sequential(
            nn.Linear(1024, 512),
            nn.Dropout(p=0.2), #TODO 1: dropout layer을 넣어주세요
            nn.ReLU(), #TODO 2: relu layer을 넣어주세요
            nn.Linear(512, 512), #TODO 3: linear layer을 넣어주세요
            nn.Dropout(p=0.2),
            nn.ReLU()
        )
"""

DECODER = """\
        self.model = nn.Sequential(
            nn.Linear(latent_dim, 512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.BatchNorm1d(512),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 1024), #TODO 4: linear layer을 넣어주세요. 힌트: Encoder의 첫번째 layer를 주목해주세요.
            nn.Tanh(),
        )
"""

DISCRIMINATOR = """\
        self.model = nn.Sequential(
            nn.Linear(latent_dim, 512), #TODO 5: linear layer을 넣어주세요. 힌트: Decoder의 첫번째 layer을 주목해주세요.
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.Dropout(p=0.2),
            nn.ReLU(),
            nn.Linear(256,1), #TODO 6: linear layer을 넣어주세요. output의 dimension은 1입니다.
            nn.Sigmoid() #TODO 7: sigmoid layer을 넣어주세요.
        )
"""

EXAMPLE_CALL = """
SPDA = ScaledDotProductAttention()
# d_K(=d_Q) does not necessarily be equal to d_V
n_batch,d_K,d_V = 3,128,256
n_Q,n_K,n_V = 30,50,50
Q = torch.rand(n_batch,n_Q,d_K)
K = torch.rand(n_batch,n_K,d_K)
V = torch.rand(n_batch,n_V,d_V)
out,attention = SPDA.forward(Q,K,V,mask=None)
"""


def gets(grader: Grader, result: Result, *todos: str) -> None:
    """Assert that the result has full marks in these TODOs, and in no other."""
    assert result.assignment is not None
    assignment = grader.assignments[result.assignment]
    ids = [id for id in assignment.todos if assignment.points(id) > 0]
    full = {id: assignment.points(id) if id in todos else 0 for id in ids}
    assert scores(result) == full, messages(result)


def with_device(stub: str) -> str:
    return stub.replace(
        "from torch import Tensor, nn\n", f"from torch import Tensor, nn\n\n{DEVICE}\n"
    )


def with_lists(stub: str, *lists: str) -> str:
    """The stub of aae with the lists of its networks replaced, in order."""
    given = re.compile(r" {8}self\.model = nn\.Sequential\(\n.*?\n {8}\)\n", re.S)
    assert len(given.findall(stub)) == len(lists)
    replacements = iter(lists)
    return given.sub(lambda match: next(replacements), stub)


def test_the_lstm_states_of_the_notes_are_right(grader: Grader) -> None:
    stub = with_device(grader.stub("lstm"))
    source = fill(stub, h0_c0=LSTM_STATES, last_step="logits = self.lin(out[:, -1, :])")
    gets(grader, grader.grade("lstm", source), "h0_c0", "last_step")


def test_the_lstm_layer_of_the_notes_is_that_of_the_stub(grader: Grader) -> None:
    stub, changed = re.subn(
        r" {8}self\.rnn = nn\.LSTM\(\n.*?\n {8}\)\n",
        LSTM_LAYER,
        with_device(grader.stub("lstm")),
        flags=re.S,
    )
    assert changed == 1
    source = fill(stub, h0_c0=LSTM_STATES, last_step="logits = self.lin(hn[-1])")
    gets(grader, grader.grade("lstm", source), "h0_c0", "last_step")


def test_the_lstm_states_of_the_notes_need_no_last_step_to_be_right(grader: Grader) -> None:
    source = fill(with_device(grader.stub("lstm")), h0_c0=LSTM_STATES)
    gets(grader, grader.grade("lstm", source), "h0_c0")


def test_the_lstm_states_of_the_notes_are_an_error_without_their_device(grader: Grader) -> None:
    source = fill(grader.stub("lstm"), h0_c0=LSTM_STATES)
    result = grader.grade("lstm", source)
    gets(grader, result)
    assert todo(result, "h0_c0").verdict == results.ERROR
    assert "NameError: name 'device' is not defined" in messages(result)


def test_the_class_token_of_the_notes_is_right(grader: Grader) -> None:
    source = fill(grader.stub("vit"), cls_token=CLASS_TOKEN + POSITIONS)
    gets(grader, grader.grade("vit", source), "cls_token")


def test_the_class_token_of_the_notes_lacks_the_positions(grader: Grader) -> None:
    source = fill(grader.stub("vit"), cls_token=CLASS_TOKEN)
    result = grader.grade("vit", source)
    gets(grader, result)
    assert todo(result, "cls_token").verdict == results.FAILED


def test_the_body_of_the_notes_is_right(grader: Grader) -> None:
    result = grader.grade("vit", fill(grader.stub("vit"), body=BODY))
    gets(grader, result, "body")
    assert todo(result, "body").carried_from == ("cls_token", "encoder_block")


def test_the_notes_with_their_formula_are_a_right_vision_transformer(grader: Grader) -> None:
    source = fill(
        grader.stub("vit"),
        cls_token=CLASS_TOKEN + POSITIONS,
        encoder_block=ENCODER_BLOCK_AS_IN_THE_FORMULA,
        body=BODY,
    )
    result = grader.grade("vit", source)
    gets(grader, result, "cls_token", "encoder_block", "body")
    assert GIVEN not in {t.id for t in result.todos}


def test_the_encoder_block_of_the_notes_loses_its_own_points_and_no_other(grader: Grader) -> None:
    source = fill(
        grader.stub("vit"),
        cls_token=CLASS_TOKEN + POSITIONS,
        encoder_block=ENCODER_BLOCK,
        body=BODY,
    )
    result = grader.grade("vit", source)
    gets(grader, result, "cls_token", "body")
    assert todo(result, "encoder_block").verdict == results.FAILED
    assert not any(check.passed for check in todo(result, "encoder_block").checks)
    assert todo(result, "cls_token").carried_from == ()
    assert todo(result, "body").verdict == results.PASSED
    assert todo(result, "body").carried_from == ("encoder_block",)
    assert GIVEN not in {t.id for t in result.todos}


def test_the_three_lists_of_the_notes_are_right(grader: Grader) -> None:
    source = with_lists(grader.stub("aae"), ENCODER, DECODER, DISCRIMINATOR)
    result = grader.grade("aae", source)
    gets(grader, result, *(f"todo{n}" for n in range(1, 8)))
    assert GIVEN not in {t.id for t in result.todos}
    assert not messages(result)


def test_each_list_of_the_notes_is_right_by_itself(grader: Grader) -> None:
    stub = grader.stub("aae")
    given = [
        match.group()
        for match in re.finditer(r" {8}self\.model = nn\.Sequential\(\n.*?\n {8}\)\n", stub, re.S)
    ]
    for number, (listing, todos) in enumerate(
        [
            (ENCODER, ["todo1", "todo2", "todo3"]),
            (DECODER, ["todo4"]),
            (DISCRIMINATOR, ["todo5", "todo6", "todo7"]),
        ]
    ):
        source = with_lists(stub, *given[:number], listing, *given[number + 1 :])
        gets(grader, grader.grade("aae", source), *todos)


def test_the_example_call_of_the_notes_runs_as_it_is_written(grader: Grader) -> None:
    shapes = "print(tuple(out.shape), tuple(attention.shape))\n"
    result = grader.grade("attention", grader.solution("attention") + EXAMPLE_CALL + shapes)
    assert result.output == "(3, 30, 256) (3, 30, 50)\n"
    gets(grader, result, "sdpa", "mha")
