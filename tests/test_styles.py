"""Fairness: right answers in many styles lose nothing, wrong ones lose what is theirs, and no more.

A style is a stub with its TODOs solved (as in the solution, where the style says nothing else),
edited as a student would. A right answer that loses a point is a bug of the grader.
"""

import ast
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
import pytest

from autograder import results
from autograder.check import GIVEN
from tests.conftest import ASSIGNMENTS, Grader, messages, todo
from tests.test_todos import FULL, TODOS, marks, solved

IMPORTS = "from torch import Tensor, nn\n"


def replaced(text: str, old: str, new: str) -> str:
    # Not an assertion: a style that fits the stub no more is no known fault of the grader.
    if old not in text:
        raise ValueError(f"the stub has no {old!r} any more")
    return text.replace(old, new)


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
            text = replaced(text, old, new)
        if self.top:
            text = replaced(text, IMPORTS, IMPORTS + textwrap.dedent(self.top))
        return textwrap.dedent(self.head) + text + textwrap.dedent(self.end)


LSTM = {
    "hn of the top layer": {"last_step": "logits = self.lin(hn[-1])"},
    "hn by its number": {"last_step": "logits = self.lin(hn[self.n_layer - 1, :, :])"},
    "transposed first": {"last_step": "logits = self.lin(out.transpose(0, 1)[-1])"},
    "last step by its number": {"last_step": "logits = self.lin(out[:, x.shape[1] - 1, :])"},
    "select": {"last_step": "logits = self.lin(out.select(1, -1))"},
    "narrow and squeeze": {
        "last_step": "logits = self.lin(out.narrow(1, x.size(1) - 1, 1).squeeze(1))"
    },
    "unbind": {"last_step": "*_, last = out.unbind(dim=1)\nlogits = self.lin(last)"},
    "index_select": {
        "last_step": "logits = self.lin(out.index_select(1, torch.tensor([x.size(1) - 1]).to(x.device))).flatten(1)"
    },
    "linear first": {"last_step": "logits = self.lin(out)[:, -1]"},
    "matrix product by hand": {
        "last_step": "logits = out[:, -1].contiguous() @ self.lin.weight.t() + self.lin.bias"
    },
    "addmm": {"last_step": "logits = torch.addmm(self.lin.bias, hn[-1], self.lin.weight.T)"},
    "earlier steps overwritten": {
        "last_step": "out[:, :-1] = 0\nlogits = self.lin(out.sum(dim=1))"
    },
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
            h0 = torch.zeros(self.n_layer, x.size(0), self.hdim).to(x.device).requires_grad_()
            c0 = torch.zeros(self.n_layer, x.size(0), self.hdim).to(x.device).requires_grad_()
        """
    },
    "Variable": {
        "h0_c0": """
            from torch.autograd import Variable
            h0 = Variable(torch.zeros(self.n_layer, x.size(0), self.hdim)).to(x.device)
            c0 = Variable(torch.zeros(self.n_layer, x.size(0), self.hdim)).to(x.device)
        """
    },
    "no_grad": {
        "h0_c0": """
            with torch.no_grad():
                h0 = torch.empty(self.n_layer, x.size(0), self.hdim, device=x.device).fill_(0.)
                c0 = h0.clone()
        """
    },
    "multiplied away": {
        "h0_c0": "h0 = c0 = 0 * torch.randn(self.n_layer, x.size(0), self.hdim).to(x)"
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
            h0 = torch.zeros(self.n_layer, x.size(0), self.hdim, device=x.device)
            c0 = torch.zeros(self.n_layer, x.size(0), self.hdim, device=h0.device)
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
        scores = Q @ K.transpose(-2, -1) / torch.sqrt(torch.FloatTensor([Q.size(-1)])).to(Q.device)
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
            bias = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -1e9)
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
    "lazy linear layers": {
        "todo3": "nn.LazyLinear(512),",
        "todo4": "nn.LazyLinear(1024),",
        "todo5": "nn.LazyLinear(512),",
        "todo6": "nn.LazyLinear(1),",
    },
    "layers from a function": {
        "todo1": "drop(),",
        "todo2": "*[nn.ReLU()],",
        "todo3": "lin(512, 512),",
    },
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

FUNCTIONAL = "import numpy as np\nimport torch.nn.functional as F\n"

ANSWERS = {
    **{f"lstm, {k}": Style("lstm", v) for k, v in LSTM.items()},
    **{f"sdpa, {k}": Style("attention", {"sdpa": v}, top=FUNCTIONAL) for k, v in SDPA.items()},
    **{f"mha, {k}": Style("attention", {"mha": v}, top=FUNCTIONAL) for k, v in MHA.items()},
    **{f"vit, {k}": Style("vit", v, top=FUNCTIONAL) for k, v in VIT.items()},
    **{f"aae, {k}": Style("aae", v, top=OWN_LAYERS) for k, v in AAE.items()},
}

MLP_WRITTEN_OUT = """class MLPBlock(nn.Module):
    def __init__(self, emb_dim, forward_dim=4, dropout_ratio=0.2):
        super().__init__()
        self.fc1 = nn.Linear(emb_dim, forward_dim * emb_dim)
        self.drop = nn.Dropout(dropout_ratio)
        self.fc2 = nn.Linear(forward_dim * emb_dim, emb_dim)

    def forward(self, x):
        return self.fc2(self.drop(nn.functional.gelu(self.fc1(x))))
"""
NOISE = "    return mu + std * torch.randn_like(std)\n"


# ----------------------------------------------------------------- styles of a whole file

SUPER = "super().__init__()"
LSTM_CALL = "out, (hn, cn) = self.rnn(x, (h0, c0))"

CHECKPOINT = "from torch.utils.checkpoint import checkpoint\n"

FILES = {
    "mha, the attention is computed again on the way back": Style(
        "attention", top=CHECKPOINT, edits=(("self.sdpa(", "checkpoint(self.sdpa, "),)
    ),
    "vit, the MLP is computed again on the way back": Style(
        "vit", top=CHECKPOINT, edits=(("self.mlp(", "checkpoint(self.mlp, "),)
    ),
    "vit, the MLP is computed again without re-entry": Style(
        "vit",
        top=CHECKPOINT,
        edits=(
            (
                "self.mlp(self.norm_2(x))",
                "checkpoint(self.mlp, self.norm_2(x), use_reentrant=False)",
            ),
        ),
    ),
    "aae, the encoder is computed again on the way back": Style(
        "aae",
        top=CHECKPOINT,
        edits=(
            ("self.model(img", "checkpoint(self.model, img"),
            ("self.model(z)", "checkpoint(self.model, z)"),
        ),
    ),
    "lstm, other attribute names": Style(
        "lstm", edits=(("self.rnn", "self.lstm"), ("self.lin", "self.fc"))
    ),
    "lstm, a head in a Sequential": Style(
        "lstm", edits=(("nn.Linear(self.hdim, self.ydim)", "nn.Sequential(nn.Linear(hdim, ydim))"),)
    ),
    "lstm, settings in a dataclass": Style(
        "lstm",
        top="""
            from dataclasses import dataclass


            @dataclass(frozen=True)
            class Config:
                hdim: int = 256
                n_layer: int = 3


            CFG = Config()
        """,
        edits=(
            ("hdim: int = 256, ", "hdim: int = CFG.hdim, "),
            ("n_layer: int = 3)", "n_layer: int | None = CFG.n_layer)"),
        ),
    ),
    "lstm, a method for the states, added later": Style(
        "lstm",
        {"h0_c0": "h0, c0 = self.init_hidden(x.size(0), x)"},
        end="""

            def init_hidden(self, batch, like):
                return tuple(like.new_zeros(self.n_layer, batch, self.hdim) for _ in range(2))


            LSTMClassifier.init_hidden = init_hidden
        """,
    ),
    "lstm, positional arguments of nn.LSTM": Style(
        "lstm",
        edits=(
            ("input_size=self.xdim,", "xdim,"),
            ("hidden_size=self.hdim,", "hdim,"),
            ("num_layers=self.n_layer,", "n_layer,"),
        ),
    ),
    "lstm, hx by keyword, as a list": Style(
        "lstm", edits=((LSTM_CALL, LSTM_CALL.replace("(h0, c0)", "hx=[h0, c0]")),)
    ),
    "lstm, all by keyword": Style(
        "lstm", edits=((LSTM_CALL, LSTM_CALL.replace("x, (h0, c0)", "input=x, hx=(h0, c0)")),)
    ),
    "lstm, detached, as in tutorials on truncated backpropagation": Style(
        "lstm", edits=(("(x, (h0, c0))", "(x, (h0.detach(), c0.detach()))"),)
    ),
    "lstm, flattened and contiguous": Style(
        "lstm",
        edits=(
            (LSTM_CALL, "self.rnn.flatten_parameters(); " + LSTM_CALL),
            ("(x, (h0, c0))", "(x.contiguous(), (h0.contiguous(), c0))"),
        ),
    ),
    "lstm, an LSTM with a name of its own": Style(
        "lstm",
        top="""


            class Recurrent(nn.LSTM):
                pass
        """,
        edits=(("self.rnn = nn.LSTM(", "self.rnn = Recurrent("),),
    ),
    "lstm, step by step": Style(
        "lstm",
        edits=(
            (
                LSTM_CALL,
                "outs, hn, cn = [], h0, c0\n"
                "        for t in range(x.size(1)):\n"
                "            step, (hn, cn) = self.rnn(x[:, t : t + 1], (hn, cn))\n"
                "            outs.append(step)\n"
                "        out = torch.cat(outs, dim=1)",
            ),
        ),
    ),
    "attention, other attribute names": Style(
        "attention",
        edits=(
            ("self.W_Q", "self.query"),
            ("self.W_K", "self.key"),
            ("self.W_V", "self.value"),
            ("self.W_O", "self.proj"),
            ("self.sdpa", "self.attention"),
            ("self.dropout", "self.drop"),
        ),
    ),
    "attention, projections in a list": Style(
        "attention",
        edits=(
            ("self.W_Q = ", "self.W = nn.ModuleList(\n            "),
            ("d_feat, bias=bias)\n        self.W_K = ", "d_feat, bias=bias) for _ in range(4))\n#"),
            ("        self.W_V = ", "#"),
            ("        self.W_O = ", "#"),
            ("self.W_Q(", "self.W[0]("),
            ("self.W_K(", "self.W[1]("),
            ("self.W_V(", "self.W[2]("),
            ("self.W_O(", "self.W[3]("),
        ),
    ),
    "attention, a static forward": Style(
        "attention",
        {"sdpa": "return attend(Q, K, V, mask)"},
        end="""


            def attend(Q, K, V, mask=None):
                scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))
                if mask is not None:
                    scores = scores.masked_fill(~mask, -1e9)
                attention = scores.softmax(dim=-1)
                return attention @ V, attention


            ScaledDotProductAttention.forward = staticmethod(attend)
        """,
    ),
    "attention, a function that both classes call": Style(
        "attention",
        {
            "sdpa": "return attend(Q, K, V, mask)",
            "mha": """
                q, k, v = (split(t, self.n_head) for t in (self.W_Q(Q), self.W_K(K), self.W_V(V)))
                out, attention = attend(q, k, v, mask, self.dropout)
                out = self.W_O(out.transpose(1, 2).flatten(2))
            """,
        },
        top="""


            def attend(q, k, v, mask=None, dropout=lambda weights: weights):
                scores = (q * q.size(-1) ** -0.5) @ k.transpose(-2, -1)
                if mask is not None:
                    scores = scores + torch.where(mask, 0.0, -torch.inf)
                weights = scores.softmax(-1)
                return dropout(weights) @ v, weights


            split = lambda t, h: t.view(*t.shape[:2], h, -1).transpose(1, 2)
        """,
    ),
    "attention, a helper class for one head": Style(
        "attention",
        {
            "mha": """
                projected = self.W_Q(Q), self.W_K(K), self.W_V(V)
                both = [Head(self, i)(*projected, mask) for i in range(self.n_head)]
                attention = torch.cat([weights for _, weights in both], dim=1)
                out = self.W_O(torch.cat([values for values, _ in both], dim=-1))
            """
        },
        end="""


            class Head:
                def __init__(self, mha, i):
                    self.mha, self.own = mha, slice(i * mha.d_head, (i + 1) * mha.d_head)

                def __call__(self, *projected_and_mask):
                    *projected, mask = projected_and_mask
                    q, k, v = (t[..., self.own].unsqueeze(1) for t in projected)
                    _, attention = self.mha.sdpa(q, k, v, mask)
                    return (self.mha.dropout(attention) @ v).squeeze(1), attention
        """,
    ),
    "attention, the SDPA in a module-level object": Style(
        "attention",
        {"mha": MHA["einops"].replace("self.sdpa.forward", "SPDA")},
        end="\n\nSPDA = ScaledDotProductAttention()\n",
    ),
    "vit, other names of token and positions": Style(
        "vit", edits=(("self.cls_token", "self.cls"), ("self.positions", "self.pos_embed"))
    ),
    "vit, a head with another name": Style(
        "vit", edits=(("self.classification_head", "self.mlp_head"),)
    ),
    "vit, patches by unfold": Style(
        "vit",
        edits=(
            ("self.linear(self.rearrange(x))", "self.linear(patches(x, self.patch_size))"),
            (
                "self.linear = nn.Linear(in",
                "self.patch_size = patch_size; self.linear = nn.Linear(in",
            ),
        ),
        top="""


            def patches(x, p):
                x = x.unfold(2, p, p).unfold(3, p, p)
                return x.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
        """,
    ),
    "vit, patches in a Sequential": Style(
        "vit",
        edits=(
            ("self.linear(self.rearrange(x))", "self.patches(x)"),
            (
                "self.cls_token = nn",
                "self.patches = nn.Sequential(self.rearrange, self.linear); self.cls_token = nn",
            ),
        ),
    ),
    "vit, positions of shape (1, N+1, D)": Style(
        "vit",
        edits=(("torch.randn(n_patches + 1, emb_dim)", "torch.zeros(1, n_patches + 1, emb_dim)"),),
    ),
    "vit, the given list of blocks with another name": Style(
        "vit", edits=(("self.blocks", "self.layers"),)
    ),
    "vit, the given MLPBlock written out": Style(
        "vit",
        edits=(
            (
                "class MLPBlock(nn.Sequential):",
                MLP_WRITTEN_OUT + "\n\nclass AsGiven(nn.Sequential):",
            ),
        ),
    ),
    "aae, own linear layers everywhere": Style(
        "aae",
        top=OWN_LAYERS,
        edits=(("nn.Linear(", "OwnLinear("),),
    ),
    "aae, ModuleList and loops": Style(
        "aae",
        edits=(
            ("nn.Sequential(\n", "nn.ModuleList([\n"),
            ("        )\n", "        ])\n"),
            ("self.model(img.flatten(start_dim=1))", "through(self.model, img.flatten(1))"),
            ("self.model(z)", "through(self.model, z)"),
        ),
        top="""


            def through(layers, x):
                for layer in layers:
                    x = layer(x)
                return x
        """,
    ),
    "aae, a Sequential with names": Style(
        "aae",
        edits=(("nn.Sequential(\n", "named(\n"),),
        top="""
            from collections import OrderedDict


            def named(*layers):
                return nn.Sequential(OrderedDict((f"layer{i}", l) for i, l in enumerate(layers)))
        """,
    ),
    "aae, a list of blocks": Style(
        "aae",
        {"todo1": "", "todo2": ""},
        edits=(("            nn.Linear(1024, 512),\n", "            *block(1024, 512),\n"),),
        top="""


            def block(n_in, n_out):
                return [nn.Linear(n_in, n_out), nn.Dropout(0.2), nn.ReLU(inplace=True)]
        """,
    ),
    "aae, nested Sequentials": Style(
        "aae",
        edits=(
            (
                "            nn.Linear(1024, 512),\n",
                "            nn.Sequential(nn.Linear(1024, 512), nn.Dropout(0.2), nn.ReLU()),\n",
            ),
        ),
        answers={"todo1": "", "todo2": ""},
    ),
    "aae, Dropout and ReLU the other way round": Style(
        "aae", {"todo1": "nn.ReLU(),", "todo2": "nn.Dropout(p=0.2),"}
    ),
    "aae, Flatten and Unflatten as layers": Style(
        "aae",
        edits=(
            (
                "            nn.Linear(1024, 512),\n",
                "            nn.Flatten(), nn.Linear(1024, 512),\n",
            ),
            ("self.model(img.flatten(start_dim=1))", "self.model(img)"),
            ("nn.Tanh(),", "nn.Tanh(), nn.Unflatten(1, (1, 32, 32)),"),
            (".view(-1, 1, 32, 32)", ""),
        ),
    ),
    "aae, layers appended": Style(
        "aae",
        {"todo4": ""},
        edits=(
            (
                "            nn.Tanh(),\n        )",
                "        )\n        self.model.append(nn.Linear(512, 1024))\n"
                "        self.model.add_module('tanh', nn.Tanh())",
            ),
        ),
    ),
    "aae, weights initialised by apply": Style(
        "aae",
        edits=(("self.mu = nn", "self.apply(init); self.mu = nn"),),
        top="""


            def init(layer):
                if isinstance(layer, nn.Linear):
                    nn.init.xavier_normal_(layer.weight)
                    layer.bias.data.zero_()
        """,
    ),
    "aae, other names of mu and logvar": Style(
        "aae", edits=(("self.mu", "self.fc_mu"), ("self.logvar", "self.fc_logvar"))
    ),
    "aae, a model with another name": Style("aae", edits=(("self.model", "self.net"),)),
    "aae, noise as in PyTorch-GAN": Style(
        "aae",
        edits=(
            (
                NOISE,
                "    sampled_z = Variable(FTensor(np.random.normal(0, 1, tuple(mu.shape))))\n"
                "    z = sampled_z * std + mu\n"
                "    return z\n",
            ),
        ),
        top="""
            import numpy as np
            from torch.autograd import Variable

            cuda = True if torch.cuda.is_available() else False
            FTensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
        """,
    ),
    "aae, noise of torch.normal": Style(
        "aae",
        edits=(
            (
                NOISE,
                "    return mu + std * torch.normal(0.0, 1.0, size=mu.shape, device=mu.device)\n",
            ),
        ),
    ),
    "aae, noise of torch.distributions": Style(
        "aae", edits=((NOISE, "    return torch.distributions.Normal(mu, std).rsample()\n"),)
    ),
    "aae, noise in a method": Style(
        "aae",
        edits=(
            (
                "return reparameterization(self.mu(x), self.logvar(x))",
                "return self.sample(self.mu(x), self.logvar(x))\n\n"
                "    def sample(self, mu, logvar):\n"
                "        return torch.randn_like(mu).mul(logvar.mul(0.5).exp()).add(mu)",
            ),
        ),
    ),
}


def old_style_super(text: str) -> str:
    out, name = [], ""
    for line in text.splitlines():
        if match := re.match(r"class (\w+)", line):
            name = match[1]
        out.append(line.replace("super()", f"super({name}, self)"))
    return "\n".join(out) + "\n"


def without_hints_and_comments(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
    return ast.unparse(tree)


# Rewritings that every assignment must survive.
TEXTS: dict[str, Callable[[str], str]] = {
    "old-style super": old_style_super,
    "no type hints, no comments": without_hints_and_comments,
    "import torch.nn as nn": lambda t: t.replace(
        IMPORTS, "import torch.nn as nn\nfrom torch import Tensor\n"
    ),
    "from torch.nn import *": lambda t: t.replace(
        IMPORTS, "from torch import Tensor\nfrom torch.nn import *\n"
    ).replace("nn.", ""),
    "torch.nn written out": lambda t: t.replace(IMPORTS, "from torch import Tensor\n").replace(
        "nn.", "torch.nn."
    ),
    "a base class of its own": lambda t: t.replace("(nn.Module)", "(Base)").replace(
        IMPORTS, IMPORTS + "\n\nclass Base(nn.Module):\n    verbose = False\n"
    ),
    "forward by hand": lambda t: re.sub(r"self\.(\w+)\(", r"self.\1.forward(", t),
    "forward compiled": lambda t: re.sub(
        r"^( +)def forward\(", r"\1@torch.compile\n\1def forward(", t, flags=re.M
    ),
    "forward compiled, with settings": lambda t: re.sub(
        r"^( +)def forward\(", r"\1@torch.compile(mode='default')\n\1def forward(", t, flags=re.M
    ),
    "classes compiled": lambda t: (
        t
        + "".join(
            f"\n{name}.forward = torch.compile({name}.forward, dynamic=True)"
            for name in re.findall(r"^class (\w+)\(nn.Module\)", t, flags=re.M)
        )
        + "\n"
    ),
    "annotations from the future": lambda t: t.replace(
        "\nimport", "\nfrom __future__ import annotations\nimport", 1
    ),
    "tabs": lambda t: re.sub(r"^( {4})+", lambda m: "\t" * (len(m[0]) // 4), t, flags=re.M),
    "Windows line ends and a byte order mark": lambda t: "\ufeff" + t.replace("\n", "\r\n"),
    "all in a condition": lambda t: "if True:\n" + textwrap.indent(t, "    "),
    "classes defined twice, the last one right": lambda t: t.replace("return", "pass;") + t,
}


# What the grader gets wrong today. A test that is listed here fails, and must be taken out of the
# list once it passes.
KNOWN: dict[str, str] = {}


def known(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason)


def cases(*labels: str) -> list[Any]:
    """Parameters for pytest; those that are known to fail are marked."""
    return [
        pytest.param(label, marks=known(KNOWN[label]) if label in KNOWN else ()) for label in labels
    ]


def spread(labels: Iterable[str]) -> list[Any]:
    """Each label with one assignment; they take turns, for what concerns none of them more."""
    turns = zip(cases(*labels), itertools.cycle(ASSIGNMENTS), strict=False)
    return [pytest.param(*case.values, name, marks=case.marks) for case, name in turns]


def loses_nothing(grader: Grader, name: str, source: str | bytes, **how: Any) -> None:
    result = grader.grade(name, source, **how)
    assert marks(result) == {id: FULL for n, id in TODOS if n == name}, messages(result)
    assert {t.carried_from for t in result.todos} == {()}


@pytest.mark.parametrize("style", cases(*ANSWERS))
def test_a_right_answer_in_another_style_gets_full_marks(grader: Grader, style: str) -> None:
    loses_nothing(grader, ANSWERS[style].assignment, ANSWERS[style].source(grader))


@pytest.mark.parametrize("style", cases(*FILES))
def test_a_right_file_in_another_style_gets_full_marks(grader: Grader, style: str) -> None:
    loses_nothing(grader, FILES[style].assignment, FILES[style].source(grader))


@pytest.mark.parametrize(("style", "name"), spread(TEXTS))
def test_a_right_file_rewritten_gets_full_marks(grader: Grader, style: str, name: str) -> None:
    text = Style(name).source(grader)
    changed = TEXTS[style](text)
    assert changed != text
    loses_nothing(grader, name, changed)


def test_a_file_can_import_another_one_beside_it(grader: Grader) -> None:
    helper = b"def scale(Q):\n    return Q.size(-1) ** -0.5\n"
    style = Style(
        "attention",
        {"sdpa": SDPA["einsum"].replace("d_k ** -0.5", "scale(Q)")},
        top="from my_utils import scale",
    )
    loses_nothing(grader, "attention", style.source(grader), helpers={"my_utils.py": helper})


# ----------------------------------------------------------------- what stands around an answer

HEADS = {
    "imports that nothing needs": """
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
    "a log that nobody reads": """
        from torch.utils.tensorboard import SummaryWriter
        writer = SummaryWriter("runs/lstm")
        writer.add_text("about", "the model")
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
    "star imports": """
        from math import *
        from torch.nn import *
        from torch.nn.functional import *
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
    "gradients off by a context": "import torch\ntorch.no_grad().__enter__()\n",
    "inference mode": "import torch\ntorch.inference_mode().__enter__()\n",
    "anomaly detection": "import torch\ntorch.autograd.set_detect_anomaly(True)\n",
    "autocast": "import torch\ntorch.autocast('cpu', torch.bfloat16).__enter__()\n",
    "threads": "import torch\ntorch.set_num_threads(8)\n",
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
    "print options": "import torch\ntorch.set_printoptions(precision=2, sci_mode=False)\n",
    "something at exit": """
        import atexit, sys
        atexit.register(lambda: print("bye"))
        sys.excepthook = lambda *a: None
    """,
    "a thread": """
        import threading
        threading.Thread(target=lambda: None, daemon=True).start()
    """,
    "no garbage collection": "import gc\ngc.disable()\n",
    "an argument parser": """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--n_epochs", type=int, default=200)
        opt = parser.parse_args()
    """,
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
            betas: List[float] = field(default_factory=lambda: [0.9, 0.999])
            device: Optional[str] = None


        cfg = Config()


        class Trainer:
            def __init__(self, model: nn.Module, cfg: Config = cfg):
                self.model, self.cfg = model, cfg
                self.opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    """,
    "a training step": """

        criterion = nn.CrossEntropyLoss()
        probe = nn.Linear(2, 2)
        optimizer = torch.optim.Adam(probe.parameters(), lr=1e-3)
        criterion(probe(torch.randn(4, 2)), torch.tensor([0, 1, 0, 1])).backward()
        optimizer.step()
    """,
    "another default dtype, and no gradients": """

        torch.set_default_dtype(torch.bfloat16)
        torch.set_grad_enabled(False)
    """,
    "names that mean something elsewhere": """

        x = out = attention = z = img = model = result = draw = module = None
    """,
}

# In forward, and therefore in every check.
CALLS = {
    "a seed": "torch.manual_seed(1)",
    "gradients on": "torch.set_grad_enabled(True)",
    "prints": "print(locals())",
    "another stdout": "import sys, io; sys.stdout = io.StringIO(); print('x')",
    "a warning": "import warnings; warnings.warn('look here')",
    "anomaly detection": "torch.autograd.set_detect_anomaly(True)",
}


@pytest.mark.parametrize(("head", "name"), spread(HEADS))
def test_what_stands_above_a_right_answer_costs_nothing(
    grader: Grader, head: str, name: str
) -> None:
    loses_nothing(grader, name, Style(name, head=HEADS[head]).source(grader))


@pytest.mark.parametrize(("end", "name"), spread(ENDS))
def test_what_stands_below_a_right_answer_costs_nothing(
    grader: Grader, end: str, name: str
) -> None:
    loses_nothing(grader, name, Style(name, end=ENDS[end]).source(grader))


@pytest.mark.parametrize(("call", "name"), spread(CALLS))
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


def test_a_lower_precision_of_matrix_products_is_taken_back(grader: Grader) -> None:
    # On a CPU with bfloat16 it would move every float32 result by a percent.
    style = Style(
        "lstm",
        {
            "h0_c0": """
                if torch.get_float32_matmul_precision() != "highest":
                    raise RuntimeError("it is still what was set at import")
                h0 = c0 = x.new_zeros(self.n_layer, x.size(0), self.hdim)
            """
        },
        top="torch.set_float32_matmul_precision('medium')",
    )
    loses_nothing(grader, "lstm", style.source(grader))


# ----------------------------------------------------------------- notebooks


def notebook(*cells: str) -> bytes:
    """A notebook of code cells, with some text and an output that lies."""
    book = nbformat.v4.new_notebook()
    book.cells.append(nbformat.v4.new_markdown_cell("# 과제\n`class LSTMClassifier` comes below"))
    for number, cell in enumerate(cells, start=1):
        code = nbformat.v4.new_code_cell(textwrap.dedent(cell), execution_count=number)
        code.outputs.append(nbformat.v4.new_output("stream", text="PASSED 100 / 100\n"))
        book.cells.append(code)
    return nbformat.writes(book).encode()


IMPORTED, CLASSES = "<the imports>", "<the classes>"

NOTEBOOKS = {
    "two cells": (IMPORTED, CLASSES),
    "magics, shell lines, help": (
        "%matplotlib inline\n%load_ext autoreload\n!pip install -q einops \\\n    torch\n"
        + IMPORTED,
        "%%bash\nls -la | grep x",
        "%%time\nfor epoch in range(10): train()",
        "?nn.Linear\n" + CLASSES + "\n!nvidia-smi",
        "nn.Linear?",
    ),
    "demo cells that would raise": (
        IMPORTED,
        CLASSES,
        "assert False, 'todo'",
        "raise ValueError",
        "print(undefined)",
        "undefined.step()",
    ),
    "a training loop, a plot, an input": (
        IMPORTED + "\nimport matplotlib.pyplot as plt\nplt.style.use('ggplot')",
        CLASSES,
        "while True:\n    pass",
        "plt.plot([1, 2]); plt.show()",
        "name = input('who are you? ')",
    ),
    "device and constants": (
        IMPORTED,
        """
        device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
        print(f"device: [{device}].")
        BATCH, EPOCHS = 256, 10
        config = dict(lr=1e-3, betas=(0.9, 0.999))
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        """,
        CLASSES,
    ),
    "a first try above": (IMPORTED, CLASSES + "\ndel undefined", CLASSES),
    "forward added later": (
        IMPORTED,
        CLASSES + "\nclass Old(nn.Module):\n    forward = nn.Module.forward\n",
        "def forward(self, *args):\n    return None\nOld.forward = forward",
    ),
    "a cell that is no Python": (IMPORTED, "이 셀은 설명입니다.", CLASSES),
    "a demo cell that goes on from a call": (
        IMPORTED,
        CLASSES,
        "batch = torch.rand(3, 30, 128)\nfirst = batch[0]\nn, d = first.shape\nmean = n / d",
    ),
    "%%time above the classes": (IMPORTED, "%%time\n" + CLASSES),
    "%%capture above the imports": ("%%capture\n!pip install einops\n" + IMPORTED, CLASSES),
    "an installation in a condition": (
        IMPORTED + "\nimport sys\nif 'google.colab' in sys.modules:\n    !pip install einops\n",
        CLASSES,
    ),
    "a lambda that calls": (
        IMPORTED + "\nzeros = lambda *shape, **of: torch.zeros(*shape, **of)\n",
        CLASSES.replace(">", ", with zeros>"),
    ),
    "a device that may be Apple's": (
        IMPORTED
        + '\nhere = "cuda" if torch.cuda.is_available() else "cpu"'
        + '\ndevice = torch.device("mps" if torch.backends.mps.is_available() else here)\n',
        CLASSES.replace(">", ", with device>"),
    ),
    "an object of one's own": (
        IMPORTED + "\nfrom types import SimpleNamespace\ncfg = SimpleNamespace(hdim=256)\n",
        CLASSES.replace(">", ", with cfg>"),
    ),
    "a dataset of its own": (
        IMPORTED + "\nimport torchvision\n",
        "class Digits(torchvision.datasets.MNIST):\n    pass",
        CLASSES,
    ),
}


@pytest.mark.parametrize("name", ["lstm"])
@pytest.mark.parametrize("style", cases(*NOTEBOOKS))
def test_a_right_notebook_gets_full_marks(grader: Grader, style: str, name: str) -> None:
    text = Style(name).source(grader)
    start = text.index("\nclass ")
    imports, classes = text[:start], text[start:]
    parts = {
        IMPORTED: imports,
        CLASSES: classes,
        "<the classes, with zeros>": classes.replace(
            "torch.zeros_like(h0)", "zeros(*h0.shape, device=h0.device)"
        ),
        "<the classes, with device>": classes.replace("device=x.device", "device=device"),
        "<the classes, with cfg>": classes.replace("hdim: int = 256", "hdim: int = cfg.hdim"),
    }
    cells = []
    for cell in map(textwrap.dedent, NOTEBOOKS[style]):
        for mark, part in parts.items():
            cell = cell.replace(mark, part)
        cells.append(cell)
    loses_nothing(grader, name, notebook(*cells), file=f"{name}.ipynb")


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_assignment_can_be_done_in_a_notebook(grader: Grader, name: str) -> None:
    cells = re.split(r"\n(?=class )", Style(name).source(grader))
    assert len(cells) > 1
    loses_nothing(grader, name, notebook("!ls\n", *cells), file=f"{name}.ipynb")


# --------------------------------------------------------------------- known mistakes

SCALED = "scores = Q @ K.transpose(-2, -1) / math.sqrt(Q.size(-1))\n"
MASKED = """if mask is not None:
    scores = scores.masked_fill(mask == 0, float("-inf"))
"""
WEIGHED = "attention = torch.softmax(scores, dim=-1)\nout = attention @ V\n"
HEADS_OF = """q, k, v = (
    t.unflatten(-1, (self.n_head, self.d_head)).transpose(1, 2)
    for t in (self.W_Q(Q), self.W_K(K), self.W_V(V))
)
"""
JOINED = "out = self.W_O(heads.transpose(1, 2).flatten(-2))\n"

STATES = "x.new_zeros(self.n_layer, x.size(0), self.hdim)"
EMBEDDED = "x = torch.cat([self.cls_token.expand(batch, -1, -1), x], dim=1)\n"

# (assignment, todo) -> the mistakes of mistakes.md by their ids, some in several forms.
MISTAKES: dict[tuple[str, str], dict[str, str]] = {
    ("lstm", "h0_c0"): {
        "batch_first_state": "h0 = c0 = x.new_zeros(x.size(0), self.n_layer, self.hdim)",
        "fixed_batch": "h0 = c0 = x.new_zeros(self.n_layer, 2, self.hdim)",
        "sequence_sized_state": "h0 = c0 = x.new_zeros(self.n_layer, x.size(1), self.hdim)",
        "xdim_for_hdim": "h0 = c0 = x.new_zeros(self.n_layer, x.size(0), self.xdim)",
        "one_layer_state": "h0 = c0 = x.new_zeros(1, x.size(0), self.hdim)",
        "fixed layers": "h0 = c0 = x.new_zeros(3, x.size(0), self.hdim)",
        "state_float32": f"h0 = c0 = {STATES}.float()",
        "state in float16": f"h0 = c0 = {STATES}.half()",
        "random_state": f"h0 = c0 = torch.randn_like({STATES})",
        "ones_state": f"h0 = {STATES}; c0 = torch.ones_like(h0)",
        "state_kept_between_batches": f"""
            if not hasattr(self, "kept"):
                self.kept = {STATES}
            h0 = c0 = self.kept
        """,
        "state_kept_between_batches, last state": f"""
            h0, c0 = getattr(self, "kept", ({STATES}, {STATES}))
            self.kept = tuple(t.detach() for t in self.rnn(x, (h0, c0))[1])
        """,
        "no states at all": """
            out, (hn, cn) = self.rnn(x)
            return self.lin(out[:, -1])
        """,
    },
    ("lstm", "last_step"): {
        "first_step": "logits = self.lin(out[:, 0])",
        "last_batch_row": "logits = self.lin(out[-1])",
        "all_steps_flattened": "logits = self.lin(out.reshape(-1, self.hdim)).view(-1, self.ydim)",
        "all steps": "logits = self.lin(out)",
        "mean_over_time": "logits = self.lin(out.mean(dim=1))",
        "first_layer_hidden": "logits = self.lin(hn[0])",
        "cell_for_hidden": "logits = self.lin(cn[-1])",
        "softmax_on_logits": "logits = torch.softmax(self.lin(out[:, -1]), dim=-1)",
        "relu": "logits = torch.relu(self.lin(out[:, -1]))",
        "kept_time_axis": "logits = self.lin(out[:, -1:])",
        "argmax": "logits = self.lin(out[:, -1]).argmax(-1)",
        "hdim, not classes": "logits = out[:, -1]",
        "detached": "logits = self.lin(out[:, -1].detach())",
        "fixed last step": "logits = self.lin(out[:, 3])",
        "None": "print(self.lin(out[:, -1]))\nreturn None",
    },
    ("attention", "sdpa"): {
        "room for heads that are not there": SCALED
        + """if mask is not None and mask.ndim == 3:
    mask = mask.unsqueeze(1)
"""
        + MASKED
        + WEIGHED,
        "causal where it is square": SCALED
        + """if mask is None and scores.size(-1) == scores.size(-2):
    mask = torch.ones_like(scores).tril()
"""
        + MASKED
        + WEIGHED,
        "mask transposed where it is square": SCALED
        + """if mask is not None and mask.size(-1) == mask.size(-2):
    mask = mask.mT
"""
        + MASKED
        + WEIGHED,
        "unscaled": "scores = Q @ K.transpose(-2, -1)\n" + MASKED + WEIGHED,
        "scaled_by_dk": "scores = Q @ K.transpose(-2, -1) / Q.size(-1)\n" + MASKED + WEIGHED,
        "multiplied_by_sqrt_dk": "scores = Q @ K.mT * math.sqrt(Q.size(-1))\n" + MASKED + WEIGHED,
        "scaled_after_softmax": """
            scores = Q @ K.transpose(-2, -1)
            if mask is not None:
                scores = scores.masked_fill(mask == 0, float("-inf"))
            attention = torch.softmax(scores, dim=-1) / math.sqrt(Q.size(-1))
            out = attention @ V
        """,
        "scaled_by_sqrt_dv": "scores = Q @ K.mT / math.sqrt(V.size(-1))\n" + MASKED + WEIGHED,
        "scaled_by_sqrt_nk": "scores = Q @ K.mT / math.sqrt(K.size(-2))\n" + MASKED + WEIGHED,
        "fixed d_K": "scores = Q @ K.mT / math.sqrt(8)\n" + MASKED + WEIGHED,
        "floor_division": "scores = Q @ K.mT // math.sqrt(Q.size(-1))\n" + MASKED + WEIGHED,
        "softmax_over_queries": SCALED + MASKED + WEIGHED.replace("dim=-1", "dim=-2"),
        "softmax_dim1": SCALED + MASKED + WEIGHED.replace("dim=-1", "dim=1"),
        "softmax_over_batch": SCALED + MASKED + WEIGHED.replace("dim=-1", "dim=0"),
        "no softmax": SCALED + MASKED + "attention = scores\nout = attention @ V",
        "mask_after_softmax": SCALED
        + """attention = torch.softmax(scores, dim=-1)
if mask is not None:
    attention = attention.masked_fill(mask == 0, 0.0)
out = attention @ V
""",
        "mask_inverted": SCALED + MASKED.replace("mask == 0", "mask") + WEIGHED,
        "mask_ignored": SCALED + WEIGHED,
        "mask_ignored, result dropped": SCALED + MASKED.replace("scores = ", "") + WEIGHED,
        "mask_filled_with_zero": SCALED + MASKED.replace('float("-inf")', "0.0") + WEIGHED,
        "mask_filled_too_small": SCALED + MASKED.replace('float("-inf")', "-1e4") + WEIGHED,
        "mask_filled_too_small, -1e6": SCALED + MASKED.replace('float("-inf")', "-1e6") + WEIGHED,
        "mask_truth_test": SCALED + MASKED.replace("mask is not None", "mask") + WEIGHED,
        "transpose_all": "scores = Q @ K.transpose(0, 1) / math.sqrt(Q.size(-1))\n" + WEIGHED,
        "transpose of 3-D only": SCALED.replace("-2, -1", "1, 2") + MASKED + WEIGHED,
        "keys_and_values_swapped": SCALED.replace("K.", "V.")
        + MASKED
        + WEIGHED.replace("@ V", "@ K"),
        "K in place of V": SCALED + MASKED + WEIGHED.replace("@ V", "@ K"),
        "unstable_softmax": SCALED
        + MASKED
        + "attention = scores.exp() / scores.exp().sum(-1, keepdim=True)\nout = attention @ V",
        "detached": SCALED + MASKED + WEIGHED + "out = out.detach()",
        "detached, by numpy": SCALED
        + MASKED
        + "attention = torch.from_numpy(torch.softmax(scores, -1).detach().numpy())\n"
        + "out = attention @ V",
        "no_grad": "with torch.no_grad():\n    "
        + (SCALED + WEIGHED).replace("\n", "\n    ").rstrip()
        + "\n",
        "returns_swapped": SCALED + MASKED + WEIGHED + "return attention, out",
        "returns_scores": SCALED + MASKED + WEIGHED + "attention = scores",
        "returns out alone": SCALED + MASKED + WEIGHED + "return out",
        "returns lists": SCALED + MASKED + WEIGHED + "return out.tolist(), attention.tolist()",
        "float32": SCALED + MASKED + WEIGHED + "return out.float(), attention.float()",
        "None": SCALED + MASKED + WEIGHED + "print(out, attention)\nreturn",
        "dropout": SCALED + MASKED + WEIGHED + "out = nn.Dropout(0.1)(attention) @ V",
        "right for one sequence": """
            B = Q.size(0)
            one = torch.softmax(Q[:1] @ K[:1].mT / math.sqrt(Q.size(-1)), dim=-1)
            attention = one.expand(B, *one.shape[1:])
            out = attention @ V
        """,
    },
    ("attention", "mha"): {
        **{
            f"dropout {what}": HEADS_OF
            + f"_, attention = self.sdpa(q, k, v, mask)\nheads = {dropped} @ v\n"
            + JOINED
            for what, dropped in {
                "of whole heads": "nn.functional.dropout2d(attention, self.dropout.p, self.training)",
                "of whole queries": "attention * self.dropout(torch.ones_like(attention[..., :1]))",
                "of whole keys": "attention * self.dropout(torch.ones_like(attention[..., :1, :]))",
                "alike in a batch": "attention * self.dropout(torch.ones_like(attention[:1]))",
            }.items()
        },
        "dropout of too few, scaled as if of all": HEADS_OF
        + """_, attention = self.sdpa(q, k, v, mask)
half = nn.functional.dropout(torch.ones_like(attention), self.dropout.p / 2, self.training)
heads = attention * (half > 0) / (1 - self.dropout.p * self.training) @ v
"""
        + JOINED,
        "no mask in training": HEADS_OF
        + """_, attention = self.sdpa(q, k, v, None if self.training else mask)
heads = self.dropout(attention) @ v
"""
        + JOINED,
        "cut graph in training": HEADS_OF
        + """_, attention = self.sdpa(q, k, v, mask)
heads = self.dropout(attention.detach() if self.training else attention) @ v
"""
        + JOINED,
        "scaled_by_d_feat": HEADS_OF
        + """scores = q @ k.mT / math.sqrt(self.d_feat)
if mask is not None:
    scores = scores.masked_fill(mask == 0, float("-inf"))
attention = scores.softmax(-1)
heads = self.dropout(attention) @ v
"""
        + JOINED,
        "scaled twice": HEADS_OF
        + "_, attention = self.sdpa(q / math.sqrt(self.d_head), k, v, mask)\n"
        + "heads = self.dropout(attention) @ v\n"
        + JOINED,
        "heads_by_view": """
            B = Q.size(0)
            q = self.W_Q(Q).view(B, self.n_head, -1, self.d_head)
            k = self.W_K(K).view(B, self.n_head, -1, self.d_head)
            v = self.W_V(V).view(B, self.n_head, -1, self.d_head)
            _, attention = self.sdpa(q, k, v, mask)
            heads = self.dropout(attention) @ v
            out = self.W_O(heads.transpose(1, 2).reshape(B, -1, self.d_feat))
        """,
        "features interleaved": HEADS_OF.replace(
            "(self.n_head, self.d_head)).transpose(1, 2)",
            "(self.d_head, self.n_head)).permute(0, 3, 1, 2)",
        )
        + "_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
        "merged_without_transpose": HEADS_OF
        + "_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        + "out = self.W_O(heads.reshape(Q.size(0), -1, self.d_feat))",
        "no_output_projection": HEADS_OF
        + "_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        + "out = heads.transpose(1, 2).flatten(-2)",
        "shared_projection": HEADS_OF.replace("self.W_K(K)", "self.W_Q(K)")
        + "_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
        "dropout_on_scores": HEADS_OF
        + """scores = self.dropout(q @ k.mT / math.sqrt(self.d_head))
if mask is not None:
    scores = scores.masked_fill(mask == 0, float("-inf"))
attention = scores.softmax(-1)
heads = attention @ v
"""
        + JOINED,
        "dropout on the output": HEADS_OF
        + "heads, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(heads)\n"
        + JOINED,
        "returns_dropped_attention": HEADS_OF
        + "_, attention = self.sdpa(q, k, v, mask)\nattention = self.dropout(attention)\n"
        + "heads = attention @ v\n"
        + JOINED,
        "no_dropout": HEADS_OF + "heads, attention = self.sdpa(q, k, v, mask)\n" + JOINED,
        "dropout_in_eval": HEADS_OF
        + "_, attention = self.sdpa(q, k, v, mask)\n"
        + "heads = nn.functional.dropout(attention, self.dropout.p) @ v\n"
        + JOINED,
        "a dropout of its own": HEADS_OF
        + "_, attention = self.sdpa(q, k, v, mask)\n"
        + "heads = nn.Dropout(0.1)(attention) @ v\n"
        + JOINED,
        "self_attention_only": HEADS_OF.replace("(K)", "(Q)").replace("(V)", "(Q)")
        + "_, attention = self.sdpa(q, k, v)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
        "self_attention_only, n_Q for n_K": """
            B, n, _ = Q.shape
            q = self.W_Q(Q).view(B, n, self.n_head, self.d_head).transpose(1, 2)
            k = self.W_K(K).view(B, n, self.n_head, self.d_head).transpose(1, 2)
            v = self.W_V(V).view(B, n, self.n_head, self.d_head).transpose(1, 2)
            _, attention = self.sdpa(q, k, v, mask)
            heads = self.dropout(attention) @ v
            out = self.W_O(heads.transpose(1, 2).flatten(-2))
        """,
        "mask dropped": HEADS_OF
        + "_, attention = self.sdpa(q, k, v)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
        "mask_per_batch_only": HEADS_OF
        + "if mask is not None:\n    mask = mask.unsqueeze(1)\n"
        + "_, attention = self.sdpa(q, k, v, mask)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
        "one head": """
            _, attention = self.sdpa(self.W_Q(Q), self.W_K(K), self.W_V(V), mask)
            out = self.W_O(self.dropout(attention) @ self.W_V(V))
        """,
        "detached": HEADS_OF
        + "_, attention = self.sdpa(q, k.detach(), v, mask)\nheads = self.dropout(attention) @ v\n"
        + JOINED,
    },
    ("vit", "cls_token"): {
        "cls_last": "x = torch.cat([x, self.cls_token.expand(batch, -1, -1)], dim=1) + self.positions",
        "cls_wrong_axis": "x = torch.cat([self.cls_token.expand_as(x), x], dim=0)",
        "cls_wrong_axis, 2": "x = torch.cat([self.cls_token.expand_as(x), x], dim=2)",
        "cls_not_repeated": "x = torch.cat([self.cls_token, x], dim=1) + self.positions",
        "cls_not_learned": "x = torch.cat([torch.zeros_like(x[:, :1]), x], dim=1) + self.positions",
        "cls_not_learned, detached": EMBEDDED.replace("token.exp", "token.detach().exp")
        + "x = x + self.positions",
        "no_positions": EMBEDDED,
        "positions_before_cat": "x = x + self.positions[1:]\n" + EMBEDDED,
        "positions_before_cat, wrong rows": "x = x + self.positions[:-1]\n" + EMBEDDED,
        "single_position": EMBEDDED + "x = x + self.positions[0]",
        "positions_concatenated": EMBEDDED
        + "x = torch.cat([x, self.positions.expand(batch, -1, -1)], dim=1)",
        "positions subtracted": EMBEDDED + "x = x - self.positions",
        "positions detached": EMBEDDED + "x = x + self.positions.data",
        "cls for the first image only": """
            cls = torch.cat([self.cls_token, self.cls_token.new_zeros(batch - 1, 1, x.size(-1))])
            x = torch.cat([cls, x], dim=1) + self.positions
        """,
        "None": EMBEDDED + "x = x + self.positions\nreturn print(x)",
    },
    ("vit", "encoder_block"): {
        "residual_from_normalised": """
            x = self.norm_1(x)
            _x, attention = self.mha(x)
            x = _x + x
            _x = self.norm_2(x)
            _x = self.mlp(_x)
            x = _x + x
        """,
        "residual_from_normalised, second only": """
            out, attention = self.mha(self.norm_1(x))
            x = out + x
            x = self.norm_2(x)
            x = self.mlp(x) + x
        """,
        "no_residual": """
            x, attention = self.mha(self.norm_1(x))
            x = self.mlp(self.norm_2(x))
        """,
        "no_first_residual": """
            x, attention = self.mha(self.norm_1(x))
            x = self.mlp(self.norm_2(x)) + x
        """,
        "no_second_residual": """
            out, attention = self.mha(self.norm_1(x))
            x = self.mlp(self.norm_2(out + x))
        """,
        "doubled_input": """
            out, attention = self.mha(self.norm_1(x))
            x = x + x
            x = self.mlp(self.norm_2(x)) + x
        """,
        "second_skip_from_input": """
            out, attention = self.mha(self.norm_1(x))
            x = self.mlp(self.norm_2(out + x)) + x
        """,
        "post_norm": """
            out, attention = self.mha(x)
            x = self.norm_1(out + x)
            x = self.norm_2(self.mlp(x) + x)
        """,
        "shared_norm": """
            out, attention = self.mha(self.norm_1(x))
            x = out + x
            x = self.mlp(self.norm_1(x)) + x
        """,
        "no_norm": """
            out, attention = self.mha(x)
            x = out + x
            x = self.mlp(x) + x
        """,
        "mlp_before_attention": """
            x = self.mlp(self.norm_1(x)) + x
            out, attention = self.mha(self.norm_2(x))
            x = out + x
        """,
        "parallel": """
            out, attention = self.mha(self.norm_1(x))
            x = x + out + self.mlp(self.norm_2(x))
        """,
        "attention_dropped": """
            x = self.mha(self.norm_1(x))[0] + x
            x = self.mlp(self.norm_2(x)) + x
            return x
        """,
        "attention_dropped, wrong order": """
            out, attention = self.mha(self.norm_1(x))
            x = out + x
            x = self.mlp(self.norm_2(x)) + x
            return attention, x
        """,
        "unpacked the wrong way": """
            attention, out = self.mha(self.norm_1(x))
            x = out + x
            x = self.mlp(self.norm_2(x)) + x
        """,
        "detached": """
            out, attention = self.mha(self.norm_1(x.detach()))
            x = out + x
            x = self.mlp(self.norm_2(x)) + x
        """,
    },
    ("vit", "body"): {
        "mean_pool": """
            x, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(x.mean(dim=1)))
        """,
        "last_token": """
            x, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(x[:, -1]))
        """,
        "all tokens": """
            x, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(x))
        """,
        "no_final_norm": """
            x, attentions = self.em(self.ie(x))
            x = self.classification_head(x[:, 0])
        """,
        "norm_after_head": """
            x, attentions = self.em(self.ie(x))
            x = self.normalization(self.classification_head(x[:, 0]))
        """,
        "no head": """
            x, attentions = self.em(self.ie(x))
            x = self.normalization(x[:, 0])
        """,
        "encoder_skipped": """
            z = self.ie(x)
            _, attentions = self.em(z)
            x = self.classification_head(self.normalization(z[:, 0]))
        """,
        "last_attention_only": """
            x, attentions = self.em(self.ie(x))
            attentions = attentions[-1]
            x = self.classification_head(self.normalization(x[:, 0]))
        """,
        "last_attention_only, in a list": """
            x, attentions = self.em(self.ie(x))
            attentions = attentions[-1:]
            x = self.classification_head(self.normalization(x[:, 0]))
        """,
        "attentions reversed": """
            x, attentions = self.em(self.ie(x))
            attentions = attentions[::-1]
            x = self.classification_head(self.normalization(x[:, 0]))
        """,
        "no attentions": """
            x, attentions = self.em(self.ie(x))
            return self.classification_head(self.normalization(x[:, 0]))
        """,
        "softmax_on_logits": """
            x, attentions = self.em(self.ie(x))
            x = self.classification_head(self.normalization(x[:, 0])).softmax(-1)
        """,
        "detached": """
            x, attentions = self.em(self.ie(x).detach())
            x = self.classification_head(self.normalization(x[:, 0]))
        """,
    },
    ("aae", "todo1"): {
        "dropout_missing": "",
        "dropout_default_p": "nn.Dropout(),",
        "dropout, kept share": "nn.Dropout(p=0.8),",
        "dropout, a little more": "nn.Dropout(p=0.25),",
        "dropout2d": "nn.Dropout2d(p=0.2),",
    },
    ("aae", "todo2"): {
        "relu_missing": "",
        "leaky_relu": "nn.LeakyReLU(),",
        "leaky_relu 0.2": "nn.LeakyReLU(0.2, inplace=True),",
        "sigmoid_for_relu": "nn.Sigmoid(),",
        "tanh_for_relu": "nn.Tanh(),",
        "gelu": "nn.GELU(),",
        "relu6": "nn.ReLU6(),",
    },
    ("aae", "todo3"): {
        "linear_wrong_in": "nn.Linear(1024, 512),",
        "linear_wrong_out": "nn.Linear(512, 256),",
        "linear_no_bias": "nn.Linear(512, 512, bias=False),",
        "linear_missing": "",
        "two layers": "nn.Linear(512, 512), nn.Linear(512, 512),",
        "two layers and a relu": "nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512),",
    },
    ("aae", "todo4"): {
        "linear_784": "nn.Linear(512, 784),",
        "two layers": "nn.Linear(512, 1024), nn.Linear(1024, 1024),",
        "linear_wrong_in": "nn.Linear(1024, 1024),",
        "linear_no_bias": "nn.Linear(512, 1024, bias=False),",
        "first layer of the encoder": "nn.Linear(1024, 512),",
        "linear_missing": "",
    },
    ("aae", "todo5"): {
        "image_sized_input": "nn.Linear(1024, 512),",
        "fixed latent_dim": "nn.Linear(10, 512),",
        "linear_wrong_out": "nn.Linear(latent_dim, 256),",
        "linear_no_bias": "nn.Linear(latent_dim, 512, bias=False),",
        "linear_missing": "",
    },
    ("aae", "todo6"): {
        "two_outputs": "nn.Linear(256, 2),",
        "latent_sized_output": "nn.Linear(256, latent_dim),",
        "linear_no_bias": "nn.Linear(256, 1, bias=False),",
        "linear_wrong_in": "nn.Linear(512, 1),",
        "linear_missing": "",
    },
    ("aae", "todo7"): {
        "sigmoid_missing": "",
        "softmax_for_sigmoid": "nn.Softmax(dim=1),",
        "tanh_for_sigmoid": "nn.Tanh(),",
        "logsigmoid": "nn.LogSigmoid(),",
        "hard sigmoid": "nn.Hardsigmoid(),",
        "relu": "nn.ReLU(),",
        "sigmoid twice": "nn.Sigmoid(), nn.Sigmoid(),",
        "relu before": "nn.ReLU(), nn.Sigmoid(),",
        "a layer more": "nn.Linear(1, 1), nn.Sigmoid(),",
    },
}

KNOWN |= {
    "aae-todo7-a layer more": "todo6 is lost, and todo7 is not",
}


MISTAKEN = [f"{name}-{id}-{m}" for (name, id), them in MISTAKES.items() for m in them]


@pytest.mark.parametrize("case", cases(*MISTAKEN))
def test_a_mistake_loses_points_of_its_todo_and_of_no_other(grader: Grader, case: str) -> None:
    name, id, mistake = case.split("-", 2)
    result = grader.grade(name, Style(name, {id: MISTAKES[name, id][mistake]}).source(grader))
    got = marks(result)
    assert got.pop(id) != FULL
    assert todo(result, id).verdict in (results.FAILED, results.ERROR)
    # Nor is code accused that is as it was given.
    assert got == {other: FULL for n, other in TODOS if n == name and other != id}


def test_a_gpu_that_is_asked_for_by_its_name_hides_nothing_of_what_comes_after_it(
    grader: Grader,
) -> None:
    """state_hardcoded_cuda, where there is no GPU: it raises before the LSTM is called."""
    style = Style("lstm", {"h0_c0": f"h0 = c0 = {STATES}.cuda()"})
    result = grader.grade("lstm", style.source(grader))
    assert marks(result) == {"h0_c0": 0.5, "last_step": FULL}
    assert todo(result, "h0_c0").verdict == results.ERROR


# ----------------------------------------------------------------- given code that was changed

BLOCKS = """self.blocks = nn.ModuleList(
            EncoderBlock(emb_dim, num_heads, forward_dim, dropout_ratio)
            for _ in range(n_enc_layers)
        )"""
LAST_LAYERS = "            nn.Dropout(p=0.2),\n            nn.ReLU(),\n        )\n        self.mu"

GIVEN_CHANGED = {
    "one block for all": Style(
        "vit",
        edits=(
            (
                BLOCKS,
                "block = EncoderBlock(emb_dim, num_heads, forward_dim, dropout_ratio)\n"
                "        self.blocks = nn.ModuleList([block] * n_enc_layers)",
            ),
        ),
    ),
    "a plain list of blocks": Style(
        "vit",
        edits=((BLOCKS, BLOCKS.replace("nn.ModuleList(", "list(")),),
    ),
    "blocks fed the embedding again": Style(
        "vit",
        edits=(("            x, attention = block(x)", "            z, attention = block(x)"),),
    ),
    "patches in another order": Style("vit", edits=(("(p1 p2 c)", "(c p1 p2)"),)),
    "an unscaled attention": Style("vit", edits=((" / self.scaling", ""),)),
    "a ReLU in the MLP": Style("vit", edits=(("nn.GELU()", "nn.ReLU()"),)),
    "no dropout in the MLP": Style("vit", edits=(("nn.Dropout(dropout_ratio),\n", "\n"),)),
    "tanh_replaced_by_sigmoid": Style("aae", edits=(("nn.Tanh()", "nn.Sigmoid()"),)),
    "no batch norm": Style("aae", edits=(("            nn.BatchNorm1d(512),\n", ""),)),
    "a discriminator that does not fit together": Style(
        "aae", edits=(("nn.Linear(512, 256)", "nn.Linear(512, 128)"),)
    ),
    "the encoder's last ReLU gone": Style(
        "aae", edits=((LAST_LAYERS, LAST_LAYERS.replace("            nn.ReLU(),\n", "")),)
    ),
    "the encoder's last dropout gone": Style(
        "aae", edits=((LAST_LAYERS, LAST_LAYERS.replace("            nn.Dropout(p=0.2),\n", "")),)
    ),
    "variance_for_std": Style("aae", edits=(("torch.exp(logvar / 2)", "torch.exp(logvar)"),)),
    "logvar_for_std": Style("aae", edits=(("torch.exp(logvar / 2)", "logvar"),)),
    "no_noise": Style("aae", edits=(("mu + std * torch.randn_like(std)", "mu"),)),
    "same_noise_per_batch": Style("aae", edits=(("randn_like(std)", "randn_like(std[:1])"),)),
}
KNOWN |= {
    "no dropout in the MLP": "given_mlp runs in evaluation only",
}


@pytest.mark.parametrize("change", cases(*GIVEN_CHANGED))
def test_a_change_of_given_code_is_reported_and_costs_nothing(grader: Grader, change: str) -> None:
    name = GIVEN_CHANGED[change].assignment
    result = grader.grade(name, GIVEN_CHANGED[change].source(grader))
    expected = {id: FULL for n, id in TODOS if n == name}
    assert marks(result) == {**expected, GIVEN: 0}, messages(result)
    assert result.score == result.max_score
    assert todo(result, GIVEN).verdict == results.FAILED


def test_every_known_fault_is_tested() -> None:
    tested = {*ANSWERS, *FILES, *HEADS, *NOTEBOOKS, *MISTAKEN, *GIVEN_CHANGED}
    assert KNOWN.keys() <= tested
