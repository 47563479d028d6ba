"""Fairness on a GPU: right answers that care for devices in odd ways lose nothing.

Each is right on a machine with a GPU and on one without, so that a point it loses is a bug of the grader.
"""

import pytest

from tests.conftest import Grader
from tests.test_devices import not_run
from tests.test_styles import Style

AVAILABLE = "torch.cuda.is_available()"
SIZES = "self.n_layer, x.size(0), self.hdim"


LSTM = {
    "zeros_like of a part of x": {
        "h0_c0": """
            h0 = torch.zeros_like(x[:, :1, :1]).expand(-1, self.n_layer, self.hdim).transpose(0, 1).contiguous()
            c0 = torch.zeros_like(h0)
        """
    },
    "new_tensor and repeat": {
        "h0_c0": "h0 = x.new_tensor([[[0.0]]]).repeat(self.n_layer, len(x), self.hdim)\nc0 = h0.clone()"
    },
    "full on the weights' device": {
        "h0_c0": """
            where = next(self.parameters()).device
            h0 = c0 = torch.full((self.n_layer, len(x), self.hdim), 0.0, device=where).to(x.dtype)
        """
    },
    "moved without blocking": {
        "h0_c0": f"h0 = torch.zeros({SIZES}).to(x.device, x.dtype, non_blocking=True)\nc0 = torch.zeros({SIZES}).to(x, non_blocking=True)"
    },
    "pinned where there is a GPU": {
        "h0_c0": f"""
            h0 = torch.zeros({SIZES}, dtype=x.dtype)
            if {AVAILABLE}:
                h0 = h0.pin_memory()
            h0 = h0.to(x.device, non_blocking=True)
            c0 = h0.clone().contiguous()
        """
    },
    "cuda with the number of x": {
        "h0_c0": f"""
            h0, c0 = torch.zeros(2, {SIZES}, dtype=x.dtype)
            if x.get_device() >= 0:
                h0, c0 = h0.cuda(x.get_device()), c0.cuda(x.get_device())
        """
    },
    "the default device for a while": {
        "h0_c0": f"""
            before = torch.get_default_device()
            torch.set_default_device(x.device)
            h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype)
            torch.set_default_device(before)
        """
    },
    "in the device as a context": {
        "h0_c0": f"with x.device:\n    h0, c0 = (torch.zeros({SIZES}, dtype=x.dtype) for _ in 'hc')"
    },
    "a device by its type and number": {
        "h0_c0": f"""
            where = torch.device(x.device.type, x.device.index) if x.is_cuda else torch.device("cpu")
            h0 = c0 = torch.zeros({SIZES}, dtype=x.dtype, device=str(where))
        """
    },
    "a type of tensors": {"h0_c0": f"h0 = c0 = torch.zeros({SIZES}).type(x.type())"},
    "a product with nothing": {
        "h0_c0": """
            h0 = torch.einsum('b,lh->lbh', x[:, 0, 0] * 0, x.new_ones(self.n_layer, self.hdim))
            c0 = torch.zeros(h0.shape, out=torch.empty_like(h0))
        """
    },
    "functional_call": {
        "last_step": """
            weights = {k: v.to(out.device) for k, v in self.lin.state_dict(keep_vars=True).items()}
            logits = torch.func.functional_call(self.lin, weights, (out[:, -1],))
        """
    },
    "gather by an index that is there": {
        "last_step": """
            last = torch.full((len(x), 1, out.size(2)), x.size(1) - 1, device=out.device, dtype=torch.long)
            logits = self.lin(out.gather(1, last).squeeze(1))
        """
    },
    "a mask from arange": {
        "last_step": """
            keep = torch.arange(out.size(1), device=out.device).eq(out.size(1) - 1)
            logits = self.lin(out[:, keep].flatten(1))
        """
    },
    "an einops layer": {
        "last_step": "from einops.layers.torch import Reduce\nlogits = self.lin(Reduce('b 1 h -> b h', 'mean').to(x.device)(out[:, -1:]))"
    },
    "a stream of its own": {
        "last_step": f"""
            if {AVAILABLE} and x.is_cuda:
                with torch.cuda.stream(torch.cuda.current_stream(x.device)), torch.cuda.device(x.device):
                    logits = self.lin(out[:, -1])
                torch.cuda.synchronize()
            else:
                logits = self.lin(out[:, -1])
        """
    },
}
ZEROS = f"torch.zeros({SIZES}, dtype=x.dtype"


def held(text: str, before: str = "self.lin = nn") -> tuple[str, str]:
    """A line in the constructor."""
    return before, f"{text}\n        {before}"


LSTM_CLASS = {
    "the device of an empty parameter": (
        f"h0 = c0 = {ZEROS}, device=self.dummy.device)",
        held("self.dummy = nn.Parameter(torch.empty(0))"),
    ),
    "the device of a buffer that is not saved": (
        f"h0 = c0 = {ZEROS}).to(self.dummy)",
        held("self.register_buffer('dummy', torch.tensor(0.0), persistent=False)"),
    ),
    "a buffer that is expanded": (
        f"h0 = self.zero.expand({SIZES}).to(x.dtype).contiguous()\nc0 = h0.clone()",
        held("self.register_buffer('zero', torch.zeros(1, 1, 1))"),
    ),
    "a device that the constructor chooses": (
        f"h0 = c0 = {ZEROS}).to(self.device)",
        held(f"self.device = 'cuda' if {AVAILABLE} else 'cpu'"),
    ),
    "states kept for each device": (
        f"key = ({SIZES}, x.device, x.dtype)\nif key not in self.made:\n"
        f"    self.made[key] = {ZEROS}, device=x.device)\nh0 = c0 = self.made[key]",
        held("self.made = {}"),
    ),
    "a device that is a property": (
        f"h0 = c0 = {ZEROS}, device=self.device)",
        (
            "    def forward(",
            "    @property\n    def device(self):\n        return self.lin.weight.device\n\n"
            "    def forward(",
        ),
    ),
}
LSTM |= {
    "a device that is a number": {
        "h0_c0": f"h0 = c0 = {ZEROS}, device=x.get_device() if x.is_cuda else 'cpu')"
    },
    "a model that moves itself": {
        "h0_c0": f"self.to(x.device)\nh0 = c0 = {ZEROS}).to(self.lin.weight)"
    },
    "a type of tensors where x is there": {
        "h0_c0": "T = torch.cuda.FloatTensor if x.is_cuda else torch.FloatTensor\n"
        f"h0 = c0 = T({SIZES}).zero_().to(x.dtype)"
    },
    "like a tensor on meta": {
        "h0_c0": f"h0 = torch.empty(({SIZES}), device='meta')\n"
        "h0 = c0 = torch.zeros_like(h0, device=x.device, dtype=x.dtype)"
    },
    "data that is moved": {"h0_c0": f"h0 = torch.zeros({SIZES})\nh0.data = h0.data.to(x)\nc0 = h0"},
    "a stream that is recorded": {
        "h0_c0": f"h0 = c0 = {ZEROS}, device=x.device)\nif x.is_cuda:\n"
        "    h0.record_stream(torch.cuda.current_stream())\n"
        "    h0.record_stream(torch.cuda.Stream(device=x.device))"
    },
    "a checkpoint": {
        "last_step": "from torch.utils.checkpoint import checkpoint\n"
        "logits = checkpoint(self.lin, out[:, -1], use_reentrant=False)"
    },
    "vmap": {"last_step": "logits = torch.vmap(self.lin)(out[:, -1])"},
    "tensordot": {
        "last_step": "logits = torch.tensordot(out[:, -1], self.lin.weight, dims=([1], [1])) + self.lin.bias"
    },
    "inner": {"last_step": "logits = torch.inner(out[:, -1], self.lin.weight) + self.lin.bias"},
    "a product by its name in linalg": {
        "last_step": "logits = torch.linalg.matmul(out[:, -1], self.lin.weight.mT) + self.lin.bias"
    },
    "an operation below": {
        "last_step": "logits = torch.ops.aten.linear.default(out[:, -1], self.lin.weight, self.lin.bias)"
    },
    "states made by a thread": {
        "h0_c0": f"""
            import threading
            made = []
            thread = threading.Thread(
                target=lambda: made.append(torch.zeros({SIZES}, dtype=x.dtype, device=x.device))
            )
            thread.start()
            thread.join()
            h0 = c0 = made[0]
        """
    },
    "a stream and an event by their own names": {
        "h0_c0": f"""
            if x.is_cuda:
                from torch.cuda.streams import Event, Stream
                stream = Stream(priority=Stream.priority_range()[1])
                Event().record(stream)
                with torch.cuda.nvtx.range('states'):
                    torch.Stream(x.device).synchronize()
            h0 = c0 = torch.zeros({SIZES}).to(x)
        """
    },
    "a part on all GPUs": {
        "last_step": "logits = nn.parallel.data_parallel(self.lin, out[:, -1]) if x.is_cuda else self.lin(out[:, -1])"
    },
}
SCORES = "scores = Q @ K.mT / {}\n"
MASKED = "if mask is not None:\n    scores = scores.masked_fill({}, {})\n"
END = "attention = scores.softmax(-1)\nout = attention @ V\n"


def sdpa(scale: str = "K.size(-1) ** 0.5", hidden: str = "~mask", fill: str = "-1e9") -> str:
    return SCORES.format(scale) + MASKED.format(hidden, fill) + END


ATTENTION = {
    "a scale from a tensor that follows Q": sdpa("torch.tensor(K.size(-1)).to(Q).sqrt()"),
    "a scale of no axes on the CPU": sdpa("torch.tensor(float(K.size(-1))).sqrt()"),
    "a scale by new_tensor": sdpa("Q.new_tensor(K.shape[-1]).sqrt()"),
    "a scale by full": sdpa(
        "torch.full((1,), float(K.size(-1)), device=Q.device, dtype=Q.dtype).sqrt()"
    ),
    "a scale by type_as": sdpa("torch.tensor([K.size(-1)]).type_as(Q).sqrt()"),
    "a mask that is moved, though it is there": sdpa(
        hidden="mask.to(scores.device, non_blocking=True).logical_not()"
    ),
    "a fill from finfo": sdpa(fill="torch.finfo(scores.dtype).min"),
    "a fill of no axes": sdpa(fill="torch.tensor(float('-inf')).to(scores)"),
    "zeros_like and add": SCORES.format("K.size(-1) ** 0.5")
    + "bias = torch.zeros_like(scores)\nif mask is not None:\n"
    "    bias = bias.masked_fill(mask.expand_as(bias).logical_not(), float('-inf'))\n"
    "scores = torch.add(scores, bias)\n" + END,
    "where with new_full": SCORES.format("K.size(-1) ** 0.5")
    + "if mask is not None:\n    scores = torch.where(mask, scores, scores.new_full((1,), -1e9))\n"
    + END,
    "an output that is made before": SCORES.format("K.size(-1) ** 0.5")
    + MASKED.format("~mask", "-1e9")
    + "attention = torch.softmax(scores, -1)\n"
    "out = torch.zeros(*Q.shape[:-1], V.size(-1), device=V.device, dtype=V.dtype) + attention @ V\n",
    "cuda where Q is there": "if Q.is_cuda:\n    K, V = K.cuda(Q.device), V.cuda(Q.get_device())\n"
    "    mask = mask if mask is None else mask.cuda()\n" + sdpa(),
    "a mask in numbers": SCORES.format("K.size(-1) ** 0.5")
    + "if mask is not None:\n    scores = scores + (1.0 - mask.to(dtype=scores.dtype)) * -1e9\n"
    + END,
    "a baddbmm on flattened axes": "q, k = Q.flatten(0, -3), K.flatten(0, -3)\n"
    "start = torch.empty(1, 1, 1, device=q.device, dtype=q.dtype)\n"
    "scores = torch.baddbmm(start, q, k.mT, beta=0, alpha=K.size(-1) ** -0.5)\n"
    "scores = scores.view(*Q.shape[:-1], K.size(-2))\n" + MASKED.format("~mask", "-1e9") + END,
}
ATTENTION |= {
    "a mask on the CPU as an index": SCORES.format("K.size(-1) ** 0.5")  # which CUDA takes
    + "if mask is not None:\n    hidden = ~mask.expand_as(scores)\n    scores = scores.clone()\n"
    "    scores[hidden.cpu()] = -1e9\n" + END,
    "places of what is hidden": SCORES.format("K.size(-1) ** 0.5")
    + "if mask is not None:\n    scores = scores.clone()\n"
    "    scores[torch.where(~mask.expand_as(scores))] = -1e9\n" + END,
    "a function of its own": """
class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, scale):
        ctx.scale = scale
        return scores / scale

    @staticmethod
    def backward(ctx, gradient):
        return gradient / ctx.scale, None

scores = Scale.apply(Q @ K.mT, torch.tensor(float(K.size(-1))).sqrt().to(Q))
"""
    + MASKED.format("~mask", "-1e9")
    + END,
}
HEADS = """
q, k, v = (
    layer(t).view(len(t), -1, self.n_head, self.d_head).transpose(1, 2)
    for layer, t in ((self.W_Q, Q), (self.W_K, K), (self.W_V, V))
)
"""
MERGED = "out = self.W_O(heads.transpose(1, 2).reshape(Q.size(0), -1, self.d_feat))\n"
MHA = {
    "weights moved to where the input is": """
from torch.nn import functional as F
where = Q.device
q, k, v = (
    F.linear(t, layer.weight.to(where), None if layer.bias is None else layer.bias.to(where))
    .view(len(t), -1, self.n_head, self.d_head).transpose(1, 2)
    for layer, t in ((self.W_Q, Q), (self.W_K, K), (self.W_V, V))
)
_, attention = self.sdpa(q, k, v, mask)
heads = self.dropout(attention) @ v
"""
    + MERGED,
    "einops layers": """
from einops.layers.torch import Rearrange
split = Rearrange('b n (h d) -> b h n d', h=self.n_head).to(Q.device)
q, k, v = split(self.W_Q(Q)), split(self.W_K(K)), split(self.W_V(V))
_, attention = self.sdpa(q, k, v, mask)
heads = torch.matmul(self.dropout(attention), v)
out = self.W_O(Rearrange('b h n d -> b n (h d)')(heads))
""",
    "heads put into an empty tensor": HEADS
    + """_, attention = self.sdpa(q, k, v, mask)
heads = torch.empty_like(q)
heads[:] = self.dropout(attention) @ v
"""
    + MERGED,
    "heads one by one": HEADS
    + """_, attention = self.sdpa(q, k, v, mask)
kept = self.dropout(attention)
heads = torch.stack([kept[:, h] @ v[:, h] for h in torch.arange(self.n_head, device=Q.device)], 1)
"""
    + MERGED,
    "without autocast": HEADS
    + """_, attention = self.sdpa(q, k, v, mask)
with torch.autocast(Q.device.type, enabled=torch.is_autocast_enabled(Q.device.type)):
    heads = self.dropout(attention) @ v
"""
    + MERGED,
}
TOKENS = "x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1)"
VIT = {
    "a token that is moved": {
        "cls_token": "first = self.cls_token.to(x.device, non_blocking=True).repeat(len(x), 1, 1)\n"
        "x = torch.cat([first, x], dim=1)\nx = x + self.positions.to(x.device)"
    },
    "new_empty that is filled": {
        "cls_token": "z = x.new_empty(len(x), x.size(1) + 1, x.size(2))\n"
        "z[:, :1] = self.cls_token\nz[:, 1:] = x\nx = z + self.positions"
    },
    "zeros_like, and pad": {
        "cls_token": "from torch.nn import functional as F\n"
        "x = F.pad(x, (0, 0, 1, 0))\nat = torch.zeros_like(x)\nat[:, 0] = 1\n"
        "x = x + at * self.cls_token + self.positions"
    },
    "positions by an index that is there": {
        "cls_token": f"{TOKENS}\nx = x + self.positions[torch.arange(x.size(1), device=x.device)]"
    },
    "positions by an index on the CPU": {  # which CUDA takes
        "cls_token": f"{TOKENS}\nx = x + self.positions[torch.arange(x.size(1))]"
    },
    "an embedding by its function": {
        "cls_token": f"{TOKENS}\nfrom torch.nn import functional as F\n"
        "where = self.positions.device\n"
        "x = x + F.embedding(torch.arange(x.size(1)).to(where), self.positions)"
    },
    "an einops layer": {
        "cls_token": "from einops import pack, repeat\n"
        "x, _ = pack([repeat(self.cls_token, '1 1 d -> b 1 d', b=len(x)), x], 'b * d')\n"
        "x += self.positions"
    },
    "type_as": {
        "cls_token": "ones = torch.ones(len(x), 1, 1).type_as(x)\n"
        "x = torch.cat((ones * self.cls_token, x), 1) + self.positions.type_as(x)"
    },
    "a residual that is collected": {
        "encoder_block": "z = torch.zeros_like(x)\nz += x\na, attention = self.mha(self.norm_1(x))\n"
        "z = z + a\nx = torch.stack((z, self.mlp(self.norm_2(z)))).sum(0)"
    },
    "what is there is moved": {
        "encoder_block": "a, attention = self.mha(self.norm_1(x))\nz = a.to(x) + x\n"
        "x = self.mlp(self.norm_2(z)).to(z.device, non_blocking=True).add(z)"
    },
    "functional_call": {
        "encoder_block": "a, attention = self.mha(self.norm_1(x))\nz = a + x\n"
        "m = dict(self.mlp.named_parameters())\n"
        "x = z + torch.func.functional_call(self.mlp, m, (self.norm_2(z),))"
    },
    "the first token by index_select": {
        "body": "tokens, attentions = self.em(self.ie(x))\n"
        "x = tokens.index_select(1, torch.zeros(1, dtype=torch.long, device=tokens.device))[:, 0]\n"
        "x = self.classification_head(self.normalization(x))"
    },
    "the image moved to the weights": {
        "body": "x = x.to(next(self.parameters()).device)\ntokens, attentions = self.em(self.ie(x))\n"
        "x = self.classification_head(self.normalization(tokens[:, 0]))"
    },
    "an image that is contiguous": {
        "body": "x = x.contiguous(memory_format=torch.channels_last) if x.is_cuda else x\n"
        "tokens, attentions = self.em(self.ie(x))\n"
        "x = self.classification_head(self.normalization(tokens[:, 0]))"
    },
    "a mean under a mask": {
        "body": "tokens, attentions = self.em(self.ie(x))\n"
        "keep = tokens.new_tensor([1.0] + [0.0] * (tokens.size(1) - 1))\n"
        "x = torch.einsum('bnd,n->bd', tokens, keep)\n"
        "x = self.classification_head(self.normalization(x))"
    },
}
VIT_CLASS = {
    "an index that is registered": (
        f"{TOKENS} + self.positions[self.at]",
        held("self.register_buffer('at', torch.arange(n_patches + 1))", "self.positions = nn"),
    ),
}
VIT |= {
    "events and a synchronisation": {
        "body": "start = torch.cuda.Event(enable_timing=True) if x.is_cuda else None\n"
        "if start:\n    start.record()\ntokens, attentions = self.em(self.ie(x))\n"
        "if start:\n    torch.cuda.synchronize(x.device)\n"
        "x = self.classification_head(self.normalization(tokens[:, 0]))"
    },
    "tensors that are printed": {
        "body": "tokens, attentions = self.em(self.ie(x))\n"
        "print(tokens.device, tokens.sum().item(), tokens[0, 0, :2], f'{tokens.mean():.2f}')\n"
        "x = self.classification_head(self.normalization(tokens[:, 0]))"
    },
}
DEVICE = f'device = torch.device("cuda" if {AVAILABLE} else "cpu")\n'
DROPS = """
class Drops(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.register_buffer("keep", torch.tensor(1 - p))

    def forward(self, x):
        if not self.training:
            return x
        return x * torch.bernoulli(torch.zeros_like(x) + self.keep) / self.keep.to(x)


"""
LINEAR = """
class Affine(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(x, self.weight.to(x.device), self.bias.to(x.device))


"""
RELU = """
class Positive(nn.Module):
    def forward(self, x):
        return {}


"""
AAE: dict[str, Style] = {
    "a buffer that is registered": Style("aae", {"todo1": "Drops(0.2),"}, top=DROPS),
    "numbers drawn on the GPU": Style(
        "aae",
        {"todo1": "Drops(0.2),"},
        top=DROPS.replace(
            "torch.bernoulli(torch.zeros_like(x) + self.keep)",
            "x.new_empty(x.shape).bernoulli_(0.8)",
        ),
    ),
    "a comparison with rand": Style(
        "aae",
        {"todo1": "Drops(0.2),"},
        top=DROPS.replace(
            "torch.bernoulli(torch.zeros_like(x) + self.keep)",
            "(torch.rand(x.shape, device=x.device) < self.keep).to(x.dtype)",
        ),
    ),
    "a maximum with new_zeros": Style(
        "aae", {"todo2": "Positive(),"}, top=RELU.format("torch.maximum(x, x.new_zeros(1))")
    ),
    "where with a number": Style(
        "aae",
        {"todo2": "Positive(),"},
        top=RELU.format("torch.where(x > 0, x, torch.tensor(0.0).to(x))"),
    ),
    "a product with what is positive": Style(
        "aae", {"todo2": "Positive(),"}, top=RELU.format("x * x.gt(torch.zeros_like(x)).type_as(x)")
    ),
    "a maximum with a number on the CPU": Style(
        "aae",
        {"todo2": "Positive(),"},
        top=RELU.format("torch.max(x, torch.tensor(0.0, dtype=x.dtype))"),
    ),
    "a weight that is moved": Style("aae", {"todo3": "Affine(512, 512),"}, top=LINEAR),
    "layers on the device of the module": Style(
        "aae",
        {"todo3": "nn.Linear(512, 512, device=device),", "todo6": "nn.Linear(256, 1).to(device),"},
        top=DEVICE,
    ),
    "layers that are lazy": Style(
        "aae", {"todo5": "nn.LazyLinear(512),", "todo4": "nn.LazyLinear(1024),"}
    ),
    "the whole network on the device of the module": Style(
        "aae",
        top=DEVICE,
        edits=(
            (
                "        self.mu = nn",
                "        self.model = self.model.to(device)\n        self.mu = nn",
            ),
        ),
    ),
    "a sigmoid by torch.special": Style(
        "aae", {"todo7": "Positive(),"}, top=RELU.format("torch.special.expit(x.to(x.device))")
    ),
    "a softmax of two that are there": Style(
        "aae",
        {"todo7": "Positive(),"},
        top=RELU.format("torch.cat((x, torch.zeros_like(x)), -1).softmax(-1)[:, :1]"),
    ),
    "an input that is moved": Style(
        "aae",
        edits=(
            (
                "return self.model(z)\n",
                "return self.model(z.to(next(self.parameters()).device, non_blocking=True))\n",
            ),
        ),
    ),
    "noise in a device as a context": Style(
        "aae",
        edits=(
            (
                "return mu + std * torch.randn_like(std)",
                "with mu.device:\n        return mu + std * torch.randn(std.shape, dtype=std.dtype)",
            ),
        ),
    ),
    "a generator on the GPU": Style(
        "aae",
        {"todo1": "Drops(0.2),"},
        top=DROPS.replace(
            "torch.bernoulli(torch.zeros_like(x) + self.keep)",
            "x.new_empty(x.shape).bernoulli_(0.8, generator=torch.Generator(x.device).manual_seed(torch.randint(9999, ()).item()))",
        ),
    ),
    "arguments of the layers in one place": Style(
        "aae",
        {"todo3": "nn.Linear(512, 512, **KW),"},
        top=f"KW = {{'device': 'cuda' if {AVAILABLE} else None}}\n",
    ),
    "a network that moves itself": Style(
        "aae",
        edits=(
            (
                "self.logvar = nn.Linear(512, latent_dim)\n",
                f"self.logvar = nn.Linear(512, latent_dim)\n        if {AVAILABLE}:\n            self.cuda()\n",
            ),
        ),
    ),
    "noise into a tensor": Style(
        "aae", edits=(("torch.randn_like(std)", "std.new_empty(std.size()).normal_()"),)
    ),
    "a distribution": Style(
        "aae",
        edits=(
            ("mu + std * torch.randn_like(std)", "torch.distributions.Normal(mu, std).rsample()"),
        ),
    ),
}
TOPS = {
    "a device that is never used": DEVICE,
    "a number of GPUs": "N_GPU = torch.cuda.device_count()\nNAME = torch.cuda.get_device_name(0) if N_GPU else 'cpu'\n",
    "seeds for all": f"torch.manual_seed(0)\nif {AVAILABLE}:\n    torch.cuda.manual_seed_all(0)\n"
    "torch.backends.cudnn.deterministic = True\ntorch.backends.cudnn.benchmark = False\n",
    "a default device where there is one": f"if {AVAILABLE}:\n    torch.set_default_device('cuda')\n",
    "an accelerator": "ACCELERATOR = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device('cpu')\n",
    "with mps": "device = ('cuda' if torch.cuda.is_available() else 'mps' if torch.backends.mps.is_available() else 'cpu')\n",
    "a profiler of GPUs": f"""if {AVAILABLE}:
    from torch.profiler import ProfilerActivity, profile
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as prof:
        for _ in range(40):
            nn.Linear(3, 2).cuda()(torch.zeros(4, 3, device='cuda')).sum().backward()
""",
    "an optimiser that can be captured": f"""if {AVAILABLE}:
    LAYER = nn.Linear(3, 2).cuda()
    OPTIMISER = torch.optim.Adam(LAYER.parameters(), capturable=True)
    LAYER(torch.zeros(4, 3, device='cuda')).sum().backward()
    OPTIMISER.step()
""",
    "questions to the driver": f"""if {AVAILABLE}:
    print(torch.version.cuda.split('.'), torch.cuda.get_device_properties(0).uuid)
    print(torch.cuda.default_generators[0].device, torch.zeros(2).pin_memory().is_pinned())
    torch.cuda.memory._record_memory_history()
    from torch.cuda.random import get_rng_state
    get_rng_state()
""",
    "a script that is printed": """
@torch.jit.script
def scripted(x: torch.Tensor) -> torch.Tensor:
    return x + 1
print(scripted.code, torch.jit.script(nn.ReLU()).graph)
""",
    "a script in a class": """
class Scripted(torch.jit.ScriptModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
    @torch.jit.script_method
    def forward(self, x):
        return self.layer(x)
scripted = Scripted().to('cuda' if torch.cuda.is_available() else 'cpu')
scripted(torch.zeros(2, 3, device=next(scripted.parameters()).device))
""",
    "a compiled module": "COMPILED = torch.compile(nn.Linear(2, 2))\nCOMPILED._orig_mod.weight\n",
    "an empty cache": f"if {AVAILABLE}:\n    torch.cuda.empty_cache()\n    torch.cuda.init()\n",
}
STYLES: dict[str, Style] = {
    **{f"lstm, {what}": Style("lstm", answers) for what, answers in LSTM.items()},
    **{
        f"lstm, {what}": Style("lstm", {"h0_c0": a}, edits=(e,))
        for what, (a, e) in LSTM_CLASS.items()
    },
    **{
        f"vit, {what}": Style("vit", {"cls_token": a}, edits=(e,))
        for what, (a, e) in VIT_CLASS.items()
    },
    **{f"sdpa, {what}": Style("attention", {"sdpa": a}) for what, a in ATTENTION.items()},
    **{f"mha, {what}": Style("attention", {"mha": a}) for what, a in MHA.items()},
    **{f"vit, {what}": Style("vit", answers) for what, answers in VIT.items()},
    **{f"aae, {what}": style for what, style in AAE.items()},
    **{
        f"{name}, {what}": Style(name, top=top)
        for name in ("lstm", "attention", "vit", "aae")
        for what, top in TOPS.items()
    },
}


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_right_answer_that_cares_for_devices_oddly_has_full_marks(
    grader: Grader, style: Style
) -> None:
    result = grader.grade(style.assignment, style.source(grader))
    assert result.score == result.max_score, result
    assert not [t for t in result.todos if not t.max_score]  # and no given code is suspected
    assert not_run(result) == {}
    assert result.device == "simulated"


def test_a_graph_below_the_classes_costs_nothing(grader: Grader) -> None:
    """No TODO hangs on what stands there and is not simulated."""
    end = "\nif torch.cuda.is_available():\n    torch.cuda.CUDAGraph()\n"
    result = grader.grade("lstm", Style("lstm", end=end).source(grader))
    assert result.score == result.max_score
    assert not_run(result) == {}


def test_an_operation_of_ones_own_is_registered_once_in_a_process(grader: Grader) -> None:
    """Registered again, the one that runs would be let go of."""
    top = """
        @torch.library.custom_op("style::head", mutates_args=())
        def head(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
            return x.to(weight.dtype) @ weight.mT + bias


        @head.register_fake
        def _(x, weight, bias):
            return x.new_empty(x.size(0), weight.size(0))


        head.register_autograd(
            lambda ctx, grad: (grad @ ctx.saved_tensors[1], grad.mT @ ctx.saved_tensors[0], grad.sum(0)),
            setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs[:2]),
        )
    """
    answer = {
        "last_step": "logits = head(out[:, -1].to(self.lin.weight.dtype), self.lin.weight, self.lin.bias)"
    }
    result = grader.grade("lstm", Style("lstm", answer, top=top).source(grader))
    assert result.score == result.max_score, result
