"""Fairness: right answers in many styles lose nothing, wrong ones lose what is theirs, and no more.

A style is a stub with its TODOs solved (as in the solution, where the style says nothing else),
edited as a student would. A right answer that loses a point is a bug of the grader.
"""

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest

from autograder import results
from autograder.check import GIVEN
from tests.conftest import ASSIGNMENTS, Grader, messages, todo
from tests.test_todos import FULL, TODOS, marks, solved

IMPORTS = "from torch import Tensor, nn\n"


@dataclass(frozen=True)
class Style:
    """How a file departs from the solved stub.

    `answers` stand in place of the solution's; `head` goes to the top of the file, `top` below the
    imports, `end` to its end; each of `edits` replaces a text that must be there.
    """

    assignment: str
    answers: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    top: str = ""
    end: str = ""
    edits: tuple[tuple[str, str], ...] = ()

    def source(self, grader: Grader) -> str:
        answers = {id: textwrap.dedent(text) for id, text in self.answers.items()}
        text = solved(grader, self.assignment, **answers)
        for old, new in self.edits:
            assert old in text, f"the stub has no {old!r} any more"
            text = text.replace(old, new)
        if self.top:
            assert IMPORTS in text
            text = text.replace(IMPORTS, IMPORTS + textwrap.dedent(self.top))
        return textwrap.dedent(self.head) + text + textwrap.dedent(self.end)


def block(name: str, source: str) -> str:
    """A whole class or function of a source, to replace it."""
    match = re.search(rf"^(class|def) {name}\b.*?(?=^\S|\Z)", source, re.S | re.M)
    assert match
    return match.group()


LSTM = {
    "hn of the top layer": {"last_step": "logits = self.lin(hn[-1])"},
    "hn by its number": {"last_step": "logits = self.lin(hn[self.n_layer - 1, :, :])"},
    "transposed first": {"last_step": "logits = self.lin(out.transpose(0, 1)[-1])"},
    "last step by its number": {"last_step": "logits = self.lin(out[:, x.shape[1] - 1, :])"},
    "select": {"last_step": "logits = self.lin(out.select(1, -1))"},
    "narrow and squeeze": {"last_step": "logits = self.lin(out.narrow(1, x.size(1) - 1, 1).squeeze(1))"},
    "unbind": {"last_step": "*_, last = out.unbind(dim=1)\nlogits = self.lin(last)"},
    "index_select": {
        "last_step": "logits = self.lin(out.index_select(1, torch.tensor([x.size(1) - 1]))).flatten(1)"
    },
    "linear first": {"last_step": "logits = self.lin(out)[:, -1]"},
    "matrix product by hand": {
        "last_step": "logits = out[:, -1].contiguous() @ self.lin.weight.t() + self.lin.bias"
    },
    "addmm": {"last_step": "logits = torch.addmm(self.lin.bias, hn[-1], self.lin.weight.T)"},
    "einsum": {
        "last_step": "logits = torch.einsum('bh,yh->by', out[:, -1], self.lin.weight) + self.lin.bias"
    },
    "layers by view": {
        "last_step": """
            layers = hn.view(self.n_layer, 1, x.size(0), self.hdim)
            logits = self.lin(layers[-1].squeeze(0))
        """
    },
    "einops": {
        "last_step": """
            from einops import rearrange
            logits = self.lin(rearrange(out, 'b t h -> t b h')[-1])
        """
    },
    "early return": {"last_step": "return self.lin(out[:, -1, :])"},
    "new_zeros": {
        "h0_c0": """
            h0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)
            c0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)
        """
    },
    "one tensor twice": {"h0_c0": "h0 = c0 = x.new_zeros(self.n_layer, len(x), self.hdim)"},
    "both states in one tensor": {
        "h0_c0": "h0, c0 = torch.zeros(2, self.n_layer, x.shape[0], self.hdim, device=x.device).to(x)"
    },
    "like the weights, as in PyTorch's word_language_model": {
        "h0_c0": """
            weight = next(self.parameters()).data
            h0 = weight.new(self.n_layer, x.size(0), self.hdim).zero_()
            c0 = weight.new(self.n_layer, x.size(0), self.hdim).zero_()
        """
    },
    "type_as": {
        "h0_c0": """
            h0 = torch.zeros(self.n_layer, x.size(0), self.hdim).type_as(x)
            c0 = torch.zeros(self.n_layer, x.size(0), self.hdim).type_as(x)
        """
    },
    "sizes of the layer": {
        "h0_c0": """
            shape = self.rnn.num_layers, x.shape[0], self.rnn.hidden_size
            h0, c0 = (torch.zeros(shape, dtype=x.dtype, device=x.device) for _ in range(2))
        """
    },
    "requires_grad_": {
        "h0_c0": """
            h0 = torch.zeros(self.n_layer, x.size(0), self.hdim).requires_grad_()
            c0 = torch.zeros(self.n_layer, x.size(0), self.hdim).requires_grad_()
        """
    },
    "Variable": {
        "h0_c0": """
            from torch.autograd import Variable
            h0 = Variable(torch.zeros(self.n_layer, x.size(0), self.hdim))
            c0 = Variable(torch.zeros(self.n_layer, x.size(0), self.hdim))
        """
    },
    "no_grad": {
        "h0_c0": """
            with torch.no_grad():
                h0 = torch.empty(self.n_layer, x.size(0), self.hdim).fill_(0.)
                c0 = h0.clone()
        """
    },
    "multiplied away": {
        "h0_c0": "h0 = c0 = 0 * torch.randn(self.n_layer, x.size(0), self.hdim, dtype=x.dtype)"
    },
    "kept on self, made anew": {
        "h0_c0": """
            self.hidden = (x.new_zeros(self.n_layer, x.size(0), self.hdim),) * 2
            h0, c0 = self.hidden
        """
    },
    "prints and asserts": {
        "h0_c0": """
            print("x", x.shape, x)
            assert x.dim() == 3 and x.size(-1) == self.xdim, f"{x.shape}"
            h0 = torch.zeros(self.n_layer, x.size(0), self.hdim)
            c0 = torch.zeros(self.n_layer, x.size(0), self.hdim)
            print(f"{h0.shape = }")
        """
    },
    "a lambda": {
        "h0_c0": """
            zeros = lambda: torch.zeros((self.n_layer, x.size(0), self.hdim)).to(x.device)
            h0, c0 = zeros(), zeros()
        """
    },
}

SDPA = {
    "einsum": """
        d_k = Q.shape[-1]
        scores = torch.einsum('...qd,...kd->...qk', Q, K) * d_k ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        attention = scores.softmax(-1)
        out = torch.einsum('...qk,...kv->...qv', attention, V)
    """,
    "divided first": """
        logits = torch.matmul(Q / K.size(-1) ** 0.5, K.mT)
        if mask is not None:
            logits = logits.masked_fill(mask.logical_not(), torch.finfo(logits.dtype).min)
        attention = nn.Softmax(dim=-1)(logits)
        out = torch.matmul(attention, V)
    """,
    "both divided by the fourth root": """
        root = math.sqrt(math.sqrt(Q.size(-1)))
        scores = (Q / root) @ (K / root).transpose(-1, -2)
        if mask is not None:
            scores = torch.where(mask, scores, float('-inf'))
        attention = F.softmax(scores, dim=-1)
        out = attention @ V
    """,
    "root as a tensor": """
        QK = Q.matmul(K.transpose(-2, -1))
        QK = QK / torch.sqrt(torch.tensor(K.shape[-1]))
        if mask is not None:
            QK = QK.masked_fill(mask == 0, -1e9)
        attention = F.softmax(QK, -1)
        out = attention.matmul(V)
    """,
    "root as a float32 tensor": """
        scores = Q @ K.transpose(-2, -1) / torch.sqrt(torch.FloatTensor([Q.size(-1)]))
        if mask is not None:
            scores = scores.masked_fill(mask == False, -1e10)
        attention = torch.softmax(scores, dim=-1)
        out = attention @ V
    """,
    "mask in place on own tensor": """
        score = Q @ K.transpose(-2, -1)
        score /= math.sqrt(Q.size(-1))
        if mask is not None:
            score.masked_fill_(mask == 0, -torch.inf)
        attention = score.softmax(dim=-1)
        out = attention @ V
    """,
    "mask by index": """
        score = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            score[~mask.expand_as(score)] = -float('inf')
        attention = score.softmax(dim=-1)
        out = attention @ V
    """,
    "mask as a summand": """
        score = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            bias = torch.zeros(mask.shape).masked_fill(~mask, -1e9)
            score = score + bias
        attention = score.softmax(dim=-1)
        out = attention @ V
    """,
    "mask as numbers": """
        score = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            score = score.masked_fill(mask.int().eq(0), -1e9)
        attention = score.softmax(dim=-1)
        out = attention @ V
    """,
    "softmax by hand, stable": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        scores = scores - scores.max(dim=-1, keepdim=True).values
        attention = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
        out = attention @ V
    """,
    "masked, then normalised again": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))
        out = (V.transpose(-2, -1) @ attention.transpose(-2, -1)).transpose(-2, -1)
    """,
    "log_softmax": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = F.log_softmax(scores, dim=-1).exp()
        out = attention @ V
    """,
    "loop over the queries": """
        rows = []
        for q in Q.unbind(-2):
            rows.append((K * q.unsqueeze(-2)).sum(-1) / math.sqrt(q.size(-1)))
        scores = torch.stack(rows, dim=-2)
        if mask is not None:
            scores = scores.masked_fill(mask.logical_not(), -1e9)
        attention = scores.softmax(-1)
        out = (attention.unsqueeze(-1) * V.unsqueeze(-3)).sum(-2)
    """,
    "einops": """
        from einops import rearrange
        scores = Q @ rearrange(K, '... k d -> ... d k')
        scores = scores / np.sqrt(Q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -np.inf)
        attention = torch.softmax(scores, axis=-1)
        out = attention @ V
    """,
    "leading axes folded, bmm": """
        lead = Q.shape[:-2]
        q, k, v = (t.reshape(-1, *t.shape[-2:]) for t in (Q, K, V))
        scores = torch.bmm(q, k.transpose(1, 2)).mul(1 / math.sqrt(q.size(2)))
        scores = scores.view(*lead, q.size(1), k.size(1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        attention = scores.softmax(-1)
        out = torch.bmm(attention.flatten(0, -3), v).view(*lead, q.size(1), v.size(2))
    """,
    "early return": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is None:
            weights = scores.softmax(-1)
            return weights @ V, weights
        weights = scores.masked_fill(mask == 0, -1e9).softmax(-1)
        return weights @ V, weights
    """,
    "a list of two": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        weights = scores.softmax(-1)
        return [weights @ V, weights]
    """,
    "a float32 softmax": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = torch.softmax(scores, dim=-1, dtype=torch.float32).type_as(Q)
        out = attention @ V
    """,
    "torch's own for out alone": """
        scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
        if mask is not None:
            scores = scores.masked_fill(mask == 0, float("-inf"))
        attention = scores.softmax(-1)
        out = F.scaled_dot_product_attention(Q, K, V, attn_mask=mask)
    """,
}

MHA = {
    "view, transpose, contiguous": """
        B = Q.size(0)
        q = self.W_Q(Q).view(B, -1, self.n_head, self.d_head).transpose(1, 2)
        k = self.W_K(K).view(B, -1, self.n_head, self.d_head).transpose(1, 2)
        v = self.W_V(V).view(B, -1, self.n_head, self.d_head).transpose(1, 2)
        _, attention = self.sdpa(q, k, v, mask=mask)
        x = torch.matmul(self.dropout(attention), v)
        x = x.permute(0, 2, 1, 3).contiguous().view(B, -1, self.d_feat)
        out = self.W_O(x)
    """,
    "einops": """
        from einops import rearrange
        q, k, v = map(
            lambda t: rearrange(t, 'b n (h d) -> b h n d', h=self.n_head),
            (self.W_Q(Q), self.W_K(K), self.W_V(V)),
        )
        attention = self.sdpa.forward(q, k, v, mask)[1]
        out = torch.einsum('bhij,bhjd->bhid', self.dropout(attention), v)
        out = self.W_O(rearrange(out, 'b h n d -> b n (h d)'))
    """,
    "a loop over the heads": """
        outs, attentions = [], []
        for q, k, v in zip(
            self.W_Q(Q).chunk(self.n_head, -1),
            self.W_K(K).chunk(self.n_head, -1),
            self.W_V(V).split(self.d_head, dim=-1),
        ):
            m = mask.squeeze(1) if mask is not None and mask.dim() == 4 else mask
            _, a = self.sdpa(q, k, v, m)
            attentions.append(a)
            outs.append(self.dropout(a) @ v)
        attention = torch.stack(attentions, dim=1)
        out = self.W_O(torch.cat(outs, dim=-1))
    """,
    "heads folded into the batch": """
        fold = lambda t: torch.cat(t.chunk(self.n_head, dim=-1), dim=0)
        q, k, v = fold(self.W_Q(Q)), fold(self.W_K(K)), fold(self.W_V(V))
        if mask is not None and mask.dim() == 4:
            mask = mask.squeeze(1).repeat(self.n_head, 1, 1)
        _, attention = self.sdpa(q, k, v, mask)
        out = torch.bmm(self.dropout(attention), v)
        out = self.W_O(torch.cat(out.chunk(self.n_head, dim=0), dim=-1))
        attention = torch.stack(attention.chunk(self.n_head, dim=0), dim=1)
    """,
    "functional, no sdpa": """
        def split(lin, t):
            t = F.linear(t, lin.weight, lin.bias)
            return t.reshape(t.shape[0], t.shape[1], self.n_head, -1).permute(0, 2, 1, 3)
        q, k, v = split(self.W_Q, Q), split(self.W_K, K), split(self.W_V, V)
        energy = q @ k.permute(0, 1, 3, 2) / self.d_head ** 0.5
        if mask is not None:
            energy = energy.masked_fill(mask == 0, -1e9)
        attention = torch.softmax(energy, dim=-1)
        x = F.dropout(attention, p=self.dropout.p, training=self.training) @ v
        out = self.W_O(x.permute(0, 2, 1, 3).reshape(Q.shape))
    """,
    "keywords": """
        h, d = self.n_head, self.d_head
        q = self.W_Q(Q).unflatten(2, (h, d)).swapaxes(1, 2)
        k = self.W_K(K).unflatten(2, (h, d)).swapaxes(1, 2)
        v = self.W_V(V).unflatten(2, (h, d)).swapaxes(1, 2)
        out, attention = self.sdpa(Q=q, K=k, V=v, mask=mask)
        if self.training:
            out = self.dropout(attention) @ v
        out = self.W_O(out.swapaxes(1, 2).flatten(2))
    """,
    "one projection from fused weights": """
        W = torch.cat([self.W_K.weight, self.W_V.weight])
        b = None if self.W_K.bias is None else torch.cat([self.W_K.bias, self.W_V.bias])
        k, _ = F.linear(K, W, b).chunk(2, dim=-1)
        _, v = F.linear(V, W, b).chunk(2, dim=-1)
        heads = lambda t: torch.stack(t.split(self.d_head, dim=-1), dim=1)
        q, k, v = heads(self.W_Q(Q)), heads(k), heads(v)
        _, attention = self.sdpa(q, k, v, mask)
        mixed = self.dropout(attention).matmul(v)
        out = self.W_O(torch.cat(mixed.unbind(dim=1), dim=-1))
    """,
}

VIT = {
    "expand and cat": {
        "cls_token": """
            cls = self.cls_token.expand(batch, -1, -1)
            x = torch.cat((cls, x), dim=1) + self.positions
        """
    },
    "in place on its own tensor": {
        "cls_token": """
            x = torch.cat([self.cls_token.repeat(batch, 1, 1), x], 1)
            x += self.positions
        """
    },
    "positions first, on both parts": {
        "cls_token": """
            cls = self.cls_token + self.positions[:1]
            x = torch.hstack([cls.expand(batch, 1, -1), x + self.positions[1:]])
        """
    },
    "written into an empty tensor": {
        "cls_token": """
            z = torch.empty(batch, x.size(1) + 1, x.size(2), dtype=x.dtype, device=x.device)
            z[:, 0] = self.cls_token
            z[:, 1:] = x
            x = z + self.positions.unsqueeze(0)
        """
    },
    "image by image": {
        "cls_token": "x = torch.stack([torch.cat([self.cls_token[0], t]) + self.positions for t in x])"
    },
    "einops pack": {
        "cls_token": """
            from einops import pack
            x, _ = pack([repeat(self.cls_token, '1 1 d -> b 1 d', b=batch), x], 'b * d')
            x = x + rearrange(self.positions, 'n d -> 1 n d')
        """
    },
    "residuals by name": {
        "encoder_block": """
            residual = x
            x, attention = self.mha.forward(self.norm_1(x))
            x = residual + x
            residual = x
            x = residual + self.mlp(self.norm_2(x))
        """
    },
    "residuals in place": {
        "encoder_block": """
            z, attention = self.mha(self.norm_1(x))
            z += x
            x = self.mlp(self.norm_2(z))
            x += z
        """
    },
    "layer by layer": {
        "encoder_block": """
            D = x.shape[-1:]
            a = F.layer_norm(x, D, self.norm_1.weight, self.norm_1.bias, self.norm_1.eps)
            a, attention = self.mha(a)
            x = torch.add(x, a)
            m = F.layer_norm(x, D, self.norm_2.weight, self.norm_2.bias, self.norm_2.eps)
            for layer in self.mlp:
                m = layer(m)
            x = torch.add(x, m)
        """
    },
    "early return of an encoder block": {
        "encoder_block": """
            attn = self.mha(self.norm_1(x))
            y = x + attn[0]
            return self.mlp(self.norm_2(y)) + y, attn[1]
        """
    },
    "norm before the token is taken": {
        "body": """
            tokens, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(tokens)[:, 0])
        """
    },
    "head on all tokens": {
        "body": """
            tokens, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(tokens))[:, 0, :]
        """
    },
    "blocks by hand, attentions as a tuple": {
        "body": """
            x = self.ie(x)
            attentions = ()
            for block in self.em.blocks:
                x, a = block(x)
                attentions += (a,)
            cls, *_ = x.unbind(1)
            x = nn.Sequential(self.normalization, self.classification_head)(cls)
        """
    },
    "einops for the token": {
        "body": """
            x, attentions = self.em.forward(self.ie.forward(x))
            x = rearrange(x[:, :1], 'b 1 d -> b d')
            x = F.linear(self.normalization(x), self.classification_head.weight) \\
                + self.classification_head.bias
        """
    },
}

AAE = {
    "dropout positional": {"todo1": "nn.Dropout(0.2),"},
    "dropout as a fraction, in place": {"todo1": "nn.Dropout(1 / 5, inplace=True),"},
    "relu in place": {"todo2": "nn.ReLU(inplace=True),"},
    "relu of torch.nn.modules": {"todo2": "torch.nn.modules.activation.ReLU(True),"},
    "relu as a threshold": {"todo2": "nn.Threshold(0, 0),"},
    "relu as a leaky one that does not leak": {"todo2": "nn.LeakyReLU(negative_slope=0.0),"},
    "keywords": {"todo3": "nn.Linear(in_features=512, out_features=512, bias=True),"},
    "32 * 32": {"todo4": "nn.Linear(512, 32 * 32),"},
    "own sigmoid": {"todo7": "OwnSigmoid(),"},
    "own linear layers of nn.Parameter": {
        "todo3": "OwnLinear(512, 512),",
        "todo4": "OwnLinear(512, 1024),",
        "todo5": "OwnLinear(latent_dim, 512),",
        "todo6": "OwnLinear(256, 1),",
    },
    "own dropout": {"todo1": "OwnDropout(0.2),"},
    "layers from a function": {"todo1": "drop(),", "todo2": "*[nn.ReLU()],", "todo3": "lin(512, 512),"},
}
OWN_LAYERS = """

def lin(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.xavier_uniform_(layer.weight)
    layer.bias.data.fill_(0.01)
    return layer


def drop(p=0.2):
    return nn.Dropout(p)


class OwnLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super(OwnLinear, self).__init__()
        self.weight = nn.Parameter(torch.Tensor(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.kaiming_uniform_(self.weight, a=5 ** 0.5)

    def forward(self, x):
        return x @ self.weight.t() + self.bias


class OwnDropout(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)


class OwnSigmoid(nn.Module):
    def forward(self, x):
        return 1 / (1 + torch.exp(-x))
"""

F = "import numpy as np\nimport torch.nn.functional as F\n"

STYLES = {
    **{f"lstm, {k}": Style("lstm", v) for k, v in LSTM.items()},
    **{f"sdpa, {k}": Style("attention", {"sdpa": v}, top=F) for k, v in SDPA.items()},
    **{f"mha, {k}": Style("attention", {"mha": v}, top=F) for k, v in MHA.items()},
    **{f"vit, {k}": Style("vit", v, top=F) for k, v in VIT.items()},
    **{f"aae, {k}": Style("aae", v, top=OWN_LAYERS) for k, v in AAE.items()},
}


@pytest.mark.parametrize("style", STYLES)
def test_a_right_answer_in_another_style_gets_full_marks(grader: Grader, style: str) -> None:
    loses_nothing(grader, STYLES[style].assignment, STYLES[style].source(grader))


def loses_nothing(grader: Grader, name: str, source: str | bytes, **how: Any) -> None:
    result = grader.grade(name, source, **how)
    expected = {id: FULL for n, id in TODOS if n == name}
    assert marks(result) == expected, messages(result)
    assert {t.carried_from for t in result.todos} == {()}


# ----------------------------------------------------------------- what stands around the answer


HEADS = {
    "matplotlib and others imported, and not used": """
        import os, sys, time, random
        import numpy as np
        import pandas as pd
        import matplotlib.pyplot as plt
        import torchvision
        import torchvision.transforms as transforms
        from torchvision import datasets
        from torchvision.datasets import MNIST
        from tqdm import tqdm
        from tqdm.auto import tqdm as progress
        from PIL import Image
    """,
    "imports that may fail": """
        try:
            import google.colab
            IN_COLAB = True
        except ImportError:
            IN_COLAB = False
        try:
            import apex
        except ImportError:
            apex = None
    """,
    "seeds": """
        import random
        import numpy as np
        import torch
        random.seed(42)
        np.random.seed(42)
        torch.manual_seed(42)
        torch.cuda.manual_seed_all(42)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    """,
    "deterministic algorithms": """
        import os
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
        os.environ["KMP_DUPLICATE_LIB_OK"] = "True"
        import torch
        torch.use_deterministic_algorithms(True)
    """,
    "default dtype float64": "import torch\ntorch.set_default_dtype(torch.float64)\n",
    "default dtype float16": "import torch\ntorch.set_default_dtype(torch.float16)\n",
    "default tensor type": "import torch\ntorch.set_default_tensor_type(torch.FloatTensor)\n",
    "default device meta": "import torch\ntorch.set_default_device('meta')\n",
    "gradients off": "import torch\ntorch.set_grad_enabled(False)\n",
    "gradients off for good": "import torch\ntorch.no_grad().__enter__()\n",
    "anomaly detection": "import torch\ntorch.autograd.set_detect_anomaly(True)\n",
    "autocast": "import torch\ntorch.autocast('cpu', torch.bfloat16).__enter__()\n",
    "threads": "import torch\ntorch.set_num_threads(8)\n",
    "matrix products in low precision": "import torch\ntorch.set_float32_matmul_precision('medium')\n",
    "warnings as errors": "import warnings\nwarnings.filterwarnings('error')\n",
    "numpy errors raise": "import numpy as np\nnp.seterr(all='raise')\n",
    "a low recursion limit": "import sys\nsys.setrecursionlimit(80)\n",
    "another folder": "import os\nos.makedirs('images', exist_ok=True)\nos.chdir('/')\n",
    "its own folder": """
        import os, sys
        from pathlib import Path
        BASE = Path(__file__).resolve().parent
        sys.path.insert(0, str(BASE))
        os.chdir(os.path.dirname(os.path.abspath(__file__)))
        (BASE / "log.txt").write_text("started")
    """,
    "stdout replaced": "import io, sys\nsys.stdout = sys.stderr = io.StringIO()\n",
    "stdout gone": "import sys\nsys.stdout = None\n",
    "stdout closed": "import sys\nsys.stdout.close()\n",
    "print replaced": "def print(*args, **kwargs):\n    raise RuntimeError('never print')\n",
    "logging": "import logging\nlogging.basicConfig(level=logging.DEBUG)\nlogging.info('hi')\n",
    "prints": "print('=' * 80)\nprint('안녕하세요', flush=True)\n",
    "an argument parser": """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--n_epochs", type=int, default=200)
        parser.add_argument("--lr", type=float, default=2e-4)
        opt = parser.parse_args()
        print(opt)
    """,
    "print options": "import torch\ntorch.set_printoptions(precision=2, sci_mode=False)\n",
    "a star import": "from torch.nn import *\nfrom torch import *\nfrom math import *\n",
    "a module of the same name as the file": "import torch.nn as nn, torch\n",
    "a hook on excepthook and atexit": """
        import atexit, sys
        atexit.register(lambda: print("bye"))
        sys.excepthook = lambda *a: None
    """,
    "a thread": """
        import threading
        threading.Thread(target=lambda: None, daemon=True).start()
    """,
    "a garbage collector that is off": "import gc\ngc.disable()\n",
    "a locale": "import locale\nlocale.setlocale(locale.LC_ALL, '')\n",
    "future imports": '"""Homework."""\nfrom __future__ import annotations\n',
    "a cookie": "# -*- coding: utf-8 -*-\n#!/usr/bin/env python3\n",
    "a cell marker of VS Code": "# %% [markdown]\n# Homework\n# %%\n",
}

ENDS = {
    "a main guard that would crash": """

        if __name__ == "__main__":
            raise SystemExit(1 / 0)
    """,
    "a main guard that trains": """

        def main():
            while True:
                pass


        if __name__ == '__main__':
            main()
    """,
    "a class for training, with a dataclass for its settings": """

        from dataclasses import dataclass, field
        from typing import Optional, List


        @dataclass
        class Config:
            lr: float = 1e-3
            epochs: int = 10
            betas: List[float] = field(default_factory=lambda: [0.9, 0.999])
            device: Optional[str] = None


        cfg = Config()


        class Trainer:
            def __init__(self, model: nn.Module, cfg: Config = cfg):
                self.model, self.cfg = model, cfg
                self.opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    """,
    "an optimiser and a loss at module level": """

        criterion = nn.CrossEntropyLoss()
        probe = nn.Linear(2, 2)
        optimizer = torch.optim.Adam(probe.parameters(), lr=1e-3)
        criterion(probe(torch.randn(4, 2)), torch.tensor([0, 1, 0, 1])).backward()
        optimizer.step()
    """,
    "torch changed at the end": """

        torch.set_default_dtype(torch.bfloat16)
        torch.set_grad_enabled(False)
    """,
    "a variable of the assignment's own name": """

        x = out = attention = z = img = model = None
    """,
}

# In forward, and therefore in every check.
CALLS = {
    "seeds": "torch.manual_seed(1)",
    "dtype": "torch.set_default_dtype(torch.float32)",
    "gradients": "torch.set_grad_enabled(True)",
    "print": "print(locals())",
    "stdout": "import sys, io; sys.stdout = io.StringIO(); print('x')",
    "warning": "import warnings; warnings.warn('look here')",
    "anomaly": "torch.autograd.set_detect_anomaly(True)",
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("head", HEADS)
def test_what_stands_above_a_right_answer_costs_nothing(
    grader: Grader, head: str, name: str
) -> None:
    loses_nothing(grader, name, Style(name, head=HEADS[head]).source(grader))


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("end", ENDS)
def test_what_stands_below_a_right_answer_costs_nothing(
    grader: Grader, end: str, name: str
) -> None:
    loses_nothing(grader, name, Style(name, end=ENDS[end]).source(grader))


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("call", CALLS)
def test_what_a_right_forward_does_besides_costs_nothing(
    grader: Grader, call: str, name: str
) -> None:
    source = grader.solution(name)
    changed = re.sub(
        r'(    def forward\(.*?\).*?:\n        """.*?"""\n)',
        lambda match: match[1] + f"        {CALLS[call]}\n",
        source,
        flags=re.S,
    )
    assert changed.count(CALLS[call]) == source.count("def forward")
    loses_nothing(grader, name, changed)
