"""Programs that run on any device: each is a function of what it runs on, and gives what it computed.

The same programs run on the simulated GPU, on a real one where there is one, and on the CPU, which
says what the values are. OPERATIONS are single calls, differentiated where they can be; PROGRAMS
return everything worth comparing by name; MISTAKES are what CUDA refuses, with its sentence.
"""

import copy
import io
import math
import warnings
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat  # noqa: F401 (OPERATIONS use them)
from einops.layers.torch import Rearrange  # noqa: F401
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

SOLUTIONS = Path(__file__).resolve().parents[1] / "solutions"


class Given:
    """The inputs of an operation, the same on every device."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.generator = torch.Generator().manual_seed(7)
        self.x, self.y = self.leaf(3, 4), self.leaf(3, 4)
        self.p = (self.random(3, 4).abs() + 0.5).requires_grad_()
        self.u = (self.random(3, 4).sigmoid()).requires_grad_()
        self.s, self.t = self.leaf(4, 4), self.leaf(4, 5)
        self.b, self.c = self.leaf(2, 3, 4), self.leaf(2, 4, 5)
        self.v = self.leaf(4)
        self.image, self.line = self.leaf(2, 3, 8, 8), self.leaf(2, 3, 9)
        self.mask = self.random(3, 4) > 0
        self.index = torch.tensor([2, 0, 1, 1], device=device)
        self.target = torch.tensor([1, 3, 0], device=device)
        self.whole = torch.arange(12, device=device).view(3, 4)

    def random(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator).to(self.device)

    def leaf(self, *shape: int) -> Tensor:
        return self.random(*shape).requires_grad_()

    def leaves(self) -> list[Tensor]:
        return [v for v in vars(self).values() if isinstance(v, Tensor) and v.requires_grad]

    def layer(self, make: Callable[[], nn.Module]) -> nn.Module:
        """A layer with the same weights on every device."""
        layer = make()
        with torch.no_grad():
            for parameter in layer.parameters():
                wide = math.sqrt(parameter.shape[-1])
                parameter.copy_(torch.randn(parameter.shape, generator=self.generator) / wide)
        return layer.to(self.device)


def lines(table: str) -> dict[str, Callable[[Given], Any]]:
    """One expression a line, of `g`, the Given."""
    sources = [line.strip() for line in table.strip().splitlines()]
    assert len(set(sources)) == len(sources)
    return {source: eval(f"lambda g: ({source})", globals()) for source in sources if source}


OPERATIONS = lines(
    """
    g.x + g.y
    g.x - 2
    3 - g.x
    g.x * g.y
    g.x / g.p
    2 / g.p
    g.x.detach() // g.p.detach()
    g.x % g.p.detach()
    g.p**2
    2**g.x
    g.p**g.x
    -g.x
    abs(g.x)
    g.x @ g.s
    g.v @ g.s
    g.s @ g.v
    g.b @ g.c
    torch.mm(g.s, g.t)
    torch.bmm(g.b, g.c)
    torch.mv(g.s, g.v)
    torch.dot(g.v, g.v)
    torch.outer(g.v, g.v)
    torch.addmm(g.t, g.s, g.t)
    torch.baddbmm(g.b @ g.c, g.b, g.c)
    torch.addcmul(g.x, g.y, g.p)
    torch.addcdiv(g.x, g.y, g.p)
    torch.lerp(g.x, g.y, 0.3)
    torch.einsum("ij,kj->ik", g.x, g.y)
    torch.einsum("b i d, b d j -> b j i", g.b, g.c)
    torch.tensordot(g.x, g.s, dims=1)
    torch.kron(g.v, g.v)
    torch.cross(g.b.transpose(1, 2), g.b.transpose(1, 2) * 2, dim=-1)
    torch.linalg.norm(g.x)
    torch.linalg.inv(g.s)
    torch.linalg.det(g.s)
    torch.linalg.solve(g.s, g.v)
    torch.linalg.multi_dot([g.x, g.s, g.t])
    g.s.trace()
    g.s.diagonal()
    g.s.tril()
    g.s.triu(1)
    g.x.exp()
    g.p.log()
    g.p.log1p()
    g.p.sqrt()
    g.p.rsqrt()
    g.x.sin()
    g.x.tanh()
    g.x.sigmoid()
    torch.erf(g.x)
    g.x.clamp(-0.5, 0.5)
    g.x.clamp(min=g.y)
    g.x.round()
    g.x.floor()
    g.x.sign()
    g.x.square()
    g.x.reciprocal()
    torch.maximum(g.x, g.y)
    torch.minimum(g.x, g.y)
    torch.atan2(g.x, g.y)
    torch.hypot(g.x, g.y)
    g.x.sum()
    g.x.sum(0)
    g.x.sum(dim=(0, 1), keepdim=True)
    g.x.mean(-1)
    g.x.var(0)
    g.x.std(unbiased=False)
    g.x.prod(1)
    g.x.norm()
    g.x.norm(dim=-1)
    g.x.max()
    g.x.max(1)
    g.x.min(0).values
    g.x.amax(1)
    g.x.argmax(1)
    g.x.argmin()
    g.x.median(1).values
    g.x.cumsum(0)
    g.x.cumprod(1)
    g.x.logsumexp(1)
    g.x.softmax(-1)
    g.x.log_softmax(0)
    torch.softmax(g.x, dim=1)
    g.x.sort(1)
    g.x.argsort(0)
    g.x.topk(2)
    g.x.kthvalue(2)
    torch.unique(g.index)
    g.index.bincount()
    torch.cdist(g.x, g.y)
    torch.cosine_similarity(g.x, g.y)
    torch.all(g.mask, 1), torch.any(g.mask, 0)
    g.mask.nonzero()
    torch.nonzero(g.mask, as_tuple=True)
    g.mask & ~g.mask, g.mask | g.mask, g.mask ^ g.mask
    g.x == g.y, g.x > 0, g.x <= g.y, g.x != 1
    torch.isnan(g.x), torch.isfinite(g.x), torch.isclose(g.x, g.y)
    torch.where(g.mask, g.x, g.y)
    torch.where(g.mask, g.x, 0.0)
    torch.where(g.mask)
    g.x.masked_fill(g.mask, -1e9)
    g.x.masked_fill(g.mask == 0, float("-inf")).exp()
    g.x.masked_select(g.mask)
    torch.masked_fill(g.x, g.mask, 0)
    g.x[0]
    g.x[:, -1]
    g.x[..., None]
    g.x[1:, ::2]
    g.x[g.index]
    g.x[:, g.index]
    g.x[g.index, g.index]
    g.x[g.mask]
    g.x[[0, 2]]
    g.x[torch.tensor([0, 2])]
    g.x[torch.tensor([True, False, True])]
    g.x[g.index[1]]
    g.x[range(2)]
    g.x.gather(1, g.whole % 4)
    g.x.scatter(1, g.whole % 4, g.y)
    g.x.scatter_add(0, g.whole % 3, g.y)
    g.x.index_select(0, g.index)
    g.x.index_add(0, g.target % 3, g.y)
    g.x.index_fill(0, g.target % 3, 2.0)
    torch.take(g.x, g.index)
    torch.take_along_dim(g.x, g.whole % 3, 0)
    g.x.view(2, 6)
    g.x.view(-1)
    g.x.reshape(4, 3)
    g.x.t().reshape(-1)
    g.x.t().contiguous()
    g.x.T
    g.b.mT
    g.b.transpose(1, 2)
    g.b.permute(2, 0, 1)
    g.b.flatten(1)
    g.b.unflatten(-1, (2, 2))
    g.x.unsqueeze(1)
    g.x.unsqueeze(1).squeeze(1)
    g.v.expand(3, 4)
    g.v.expand_as(g.x)
    g.v.repeat(2, 3)
    g.v.repeat_interleave(2)
    g.x.repeat_interleave(2, dim=0)
    g.x.flip(0)
    g.x.roll(1, 0)
    g.x.rot90()
    torch.cat([g.x, g.y])
    torch.cat((g.x, g.y), dim=-1)
    torch.stack([g.x, g.y], 1)
    torch.hstack([g.x, g.y])
    torch.vstack((g.x, g.y))
    g.x.chunk(2, 1)
    g.x.split(2, 1)
    torch.split(g.x, [1, 2])
    g.x.unbind(0)
    list(g.x)
    torch.meshgrid(g.v, g.v, indexing="ij")
    torch.broadcast_tensors(g.x, g.v)
    torch.atleast_2d(g.v)
    torch.movedim(g.b, 0, -1)
    torch.swapaxes(g.b, 0, 1)
    torch.block_diag(g.s, g.x)
    torch.combinations(g.index)
    torch.cartesian_prod(g.v, g.v)
    torch.diff(g.x)
    torch.vander(g.v.detach())
    torch.bucketize(g.x.detach(), torch.tensor([-1.0, 0.0, 1.0], device=g.device))
    torch.searchsorted(torch.tensor([-1.0, 0.0, 1.0], device=g.device), g.x.detach())
    torch.histc(g.x.detach(), 4, -2, 2)
    g.x.unfold(1, 2, 1)
    g.x.float(), g.x.double(), g.x.long(), g.x.bool()
    g.x.to(torch.float64)
    g.x.type(torch.float64)
    g.whole.to(g.x)
    g.whole.type_as(g.x)
    g.x.clone()
    g.x.detach()
    g.x.data
    g.x.contiguous()
    torch.zeros(2, 3, device=g.device)
    torch.ones((2, 3), dtype=torch.float64, device=g.device)
    torch.full((2,), 7, device=g.device)
    torch.arange(5, device=g.device)
    torch.arange(0, 1, 0.25, device=torch.device(g.device))
    torch.linspace(0, 1, 5, device=g.device)
    torch.eye(3, device=g.device)
    torch.tril(torch.ones(3, 3, device=g.device))
    torch.tril_indices(3, 3, device=g.device)
    torch.tensor([[1.0, 2.0]], device=g.device)
    torch.tensor(3, device=g.device)
    torch.as_tensor([1, 2], device=g.device)
    torch.as_tensor(np.ones(3), device=g.device)
    torch.as_tensor(g.x)
    torch.from_numpy(np.arange(3.0)).to(g.device)
    torch.zeros_like(g.x), torch.ones_like(g.x, dtype=torch.int64), torch.full_like(g.x, 2)
    torch.empty_like(g.x).fill_(1)
    torch.empty(2, device=g.device).zero_()
    g.x.new_zeros(2), g.x.new_ones(2, 2), g.x.new_full((2,), 3.0), g.x.new_tensor([1, 2])
    g.x.new_empty(2).fill_(4)
    torch.complex(g.x, g.y).abs()
    torch.view_as_real(torch.fft.fft(g.x))
    F.linear(g.x, g.s, g.v)
    F.bilinear(g.x, g.y, g.b.view(2, 3, 4)[:, :, :, None].expand(2, 3, 4, 4)[:, 0], None)
    F.relu(g.x)
    F.gelu(g.x)
    F.gelu(g.x, approximate="tanh")
    F.silu(g.x)
    F.elu(g.x)
    F.leaky_relu(g.x, 0.2)
    F.softplus(g.x)
    F.hardtanh(g.x)
    F.prelu(g.x, g.v)
    F.softmax(g.x, dim=-1)
    F.log_softmax(g.x, dim=-1)
    F.logsigmoid(g.x)
    F.normalize(g.x)
    F.one_hot(g.index)
    F.pad(g.x, (1, 2))
    F.pad(g.image, (1, 1, 1, 1), mode="reflect")
    F.dropout(g.x, 0.5, training=False)
    F.dropout(g.x, 0.0)
    F.layer_norm(g.x, (4,), g.v, g.v)
    F.group_norm(g.image, 3)
    F.instance_norm(g.image)
    F.batch_norm(g.x, None, None, training=True)
    F.rms_norm(g.x, (4,))
    F.conv1d(g.line, g.leaf(5, 3, 2))
    F.conv1d(g.line, g.leaf(5, 3, 3), padding="same")
    F.conv2d(g.image, g.leaf(4, 3, 3, 3), padding=1, stride=2)
    F.conv2d(g.image, g.leaf(3, 1, 3, 3), groups=3)
    F.conv_transpose1d(g.line, g.leaf(3, 2, 2))
    F.conv_transpose2d(g.image, g.leaf(3, 2, 2, 2), stride=2)
    F.max_pool2d(g.image, 2)
    F.max_pool1d(g.line, 3, return_indices=True)
    F.avg_pool2d(g.image, 2)
    F.adaptive_avg_pool2d(g.image, 1)
    F.adaptive_max_pool2d(g.image, 2)
    F.interpolate(g.image, scale_factor=2)
    F.interpolate(g.image, size=5, mode="bilinear", align_corners=False)
    F.pixel_shuffle(g.leaf(1, 4, 2, 2), 2)
    F.unfold(g.image, 4, stride=4)
    F.fold(F.unfold(g.image, 4, stride=4), (8, 8), 4, stride=4)
    F.grid_sample(g.image, g.random(2, 4, 4, 2).tanh(), align_corners=False)
    F.embedding(g.index, g.s)
    F.embedding_bag(g.index.view(2, 2), g.s)
    F.scaled_dot_product_attention(g.b, g.b, g.b)
    F.scaled_dot_product_attention(g.b, g.b, g.b, is_causal=True)
    F.scaled_dot_product_attention(g.x[None], g.y[None], g.x[None], attn_mask=g.random(3, 3))
    F.cross_entropy(g.x, g.target)
    F.cross_entropy(g.x, g.target, weight=g.p[0].detach(), label_smoothing=0.1)
    F.nll_loss(g.x.log_softmax(1), g.target)
    F.mse_loss(g.x, g.y)
    F.l1_loss(g.x, g.y, reduction="none")
    F.smooth_l1_loss(g.x, g.y)
    F.huber_loss(g.x, g.y)
    F.binary_cross_entropy(g.u, g.mask.float())
    F.binary_cross_entropy_with_logits(g.x, g.mask.float())
    F.kl_div(g.x.log_softmax(1), g.y.softmax(1), reduction="batchmean")
    F.cosine_embedding_loss(g.x, g.y, torch.ones(3, device=g.device))
    F.triplet_margin_loss(g.x, g.y, g.p)
    F.cosine_similarity(g.x, g.y)
    F.pairwise_distance(g.x, g.y)
    rearrange(g.image, "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=4, p2=4)
    repeat(g.v, "d -> b d", b=3)
    reduce(g.image, "b c (h 2) (w 2) -> b c h w", "max")
    Rearrange("b n (h d) -> b h n d", h=2)(g.b)
    torch.nan_to_num(g.x / 0)
    torch.bitwise_and(g.whole, 3), g.whole << 1, g.whole // 5
    torch.ops.aten.sin(g.x)
    torch.ops.aten._softmax.default(g.x, -1, False)
    torch.ops.aten.native_dropout(g.x.detach(), 0.0, True)
    torch.renorm(g.x, 2, 0, 1.0)
    torch.logcumsumexp(g.x, 0)
    torch.special.expit(g.x)
    torch.special.entr(g.p)
    torch.polygamma(1, g.p)
    torch.igamma(g.p.detach(), g.p.detach())
    torch.trapezoid(g.x)
    torch.corrcoef(g.x.detach())
    torch.quantile(g.x, 0.3, dim=1)
    torch.linalg.svdvals(g.s)
    torch.linalg.vector_norm(g.x, ord=3)
    torch.segment_reduce(g.v, "sum", lengths=torch.tensor([1, 3], device=g.device))
    torch.ops.aten.add.Tensor(g.x, g.y)
    torch.ops.aten.to.device(g.x, torch.device(g.device), torch.float64)
    torch.ops.aten._to_copy(HERE.x, device=torch.device(g.device))
    torch.ops.aten.arange(3, device=g.device)
    g.x.to_sparse().to_dense()
    g.s.to_sparse().coalesce().values()
    torch.sparse.mm(g.s.detach().to_sparse(), g.t)
    g.s.detach().to_sparse_csr() @ g.t.detach()
    torch.sparse_coo_tensor([[0, 1], [1, 0]], [1.0, 2.0], (2, 2), device=g.device).to_dense()
    torch.sparse_coo_tensor(g.index[None], g.v.detach(), (4,)).to_dense()
    HERE.x.detach().to_sparse().to(g.device).to_dense()
    torch.nested.nested_tensor([g.x.detach(), g.y.detach()[:2]]).to_padded_tensor(0.5)
    torch.nested.as_nested_tensor([g.x, g.y]).unbind()
    torch.empty(0, device=g.device).set_(g.x.detach().untyped_storage(), 4, (2, 4))
    torch.nn.functional.embedding(g.index, g.s.detach(), sparse=True)
    """
)


# ------------------------------------------------------------------------------------- programs

Program = Callable[[str], dict[str, Any]]
PROGRAMS: dict[str, Program] = {}
# Numbers that a GPU draws are not the CPU's, so on a real one only shapes and devices are compared.
DRAWN: set[str] = set()


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def drawn(function: Program) -> Program:
    DRAWN.add(function.__name__)
    return program(function)


def solution(name: str) -> ModuleType:
    spec = spec_from_file_location(f"solution_{name}", SOLUTIONS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train(
    g: Given,
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    make: Callable[..., torch.optim.Optimizer],
    steps: int = 2,
) -> dict[str, Any]:
    """Some steps of training without dropout: the losses, the gradients and all weights after."""
    for layer in model.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    optimiser = make(model.parameters())
    losses = []
    for _ in range(steps):
        optimiser.zero_grad()
        out = model(*inputs)
        out = out[0] if isinstance(out, tuple) else out
        loss = (
            out * torch.linspace(-1, 1, out[0].numel(), device=g.device).view_as(out[0])
        ).square()
        loss.mean().backward()
        losses.append(loss.mean().item())
        optimiser.step()
    found = {name: p.grad for name, p in model.named_parameters()}
    assert all(type(p) is nn.Parameter and p.is_leaf for p in model.parameters())
    return {"losses": losses, "gradients": found, "state": model.state_dict()}


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.01)


@program
def modules_moved_to_a_device(device: str) -> dict[str, Any]:
    """By an object, as training scripts do, and by what a tensor says."""
    g = Given(device)
    x = g.random(2, 3)
    first, second, third = nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 2)
    with torch.no_grad():
        for layer in (first, second, third):
            layer.weight.fill_(0.1)
            layer.bias.fill_(0.2)
    first.to(torch.device(device))
    second.to(device=x.device)
    third.to(torch.device(device), torch.float32)
    return {"out": third(second(first(x)).float())}


@program
def lstm_solution(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: solution("lstm").LSTMClassifier(4, 6, 5, 2))
    return train(g, model, (g.random(3, 7, 4),), adam)


@program
def attention_solution(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: solution("attention").MultiHeadedAttention(8, 2))
    mask = g.random(3, 3) > -1
    return train(g, model, (g.random(2, 3, 8), g.random(2, 3, 8), g.random(2, 3, 8), mask), adam)


@program
def vit_solution(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: solution("vit").VisionTransformer(3, 8, 4, 12, 2, 3, 2, 0.2, 5))
    return train(g, model, (g.random(2, 3, 8, 8),), lambda p: torch.optim.AdamW(p, lr=0.01))


@drawn
def aae_solution(device: str) -> dict[str, Any]:
    g = Given(device)
    aae = solution("aae")
    encoder, decoder = g.layer(lambda: aae.Encoder(3)).eval(), g.layer(lambda: aae.Decoder(3))
    discriminator = g.layer(lambda: aae.Discriminator(3)).eval()
    torch.manual_seed(3)
    z = encoder(g.random(4, 1, 32, 32))
    F.mse_loss(decoder.eval()(z), g.random(4, 1, 32, 32)).backward(retain_graph=True)
    real = torch.ones(4, 1, device=device)
    F.binary_cross_entropy(discriminator(z), real).backward()
    return {"z": z, "gradients": [p.grad for p in encoder.parameters()], "state": z.grad_fn is None}


@program
def decoder_solution(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: solution("aae").Decoder(3))
    return train(g, model, (g.random(4, 3),), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9))


@program
def notes_style_lstm(device: str) -> dict[str, Any]:
    """As in the notes: a module-level device, and states that are moved to it."""
    here = torch.device("cuda" if torch.cuda.is_available() and device != "cpu" else "cpu")
    g = Given(device)
    lstm, linear = (
        g.layer(lambda: nn.LSTM(4, 6, 2, batch_first=True)),
        g.layer(lambda: nn.Linear(6, 2)),
    )
    h0 = torch.zeros(2, 3, 6).to(here)
    c0 = torch.zeros(2, 3, 6).to(here)
    out, (hn, cn) = lstm(g.random(3, 5, 4).to(here), (h0, c0))
    return {"out": linear(out[:, -1, :]), "hn": hn, "cn": cn}


@program
def recurrent_layers(device: str) -> dict[str, Any]:
    g = Given(device)
    found: dict[str, Any] = {}
    x = g.random(3, 5, 4)
    for make in (nn.LSTM, nn.GRU, nn.RNN):
        layer = g.layer(lambda make=make: make(4, 6, 2, bidirectional=True, batch_first=True))
        out, states = layer(x)
        out.square().sum().backward()
        found[make.__name__] = [out, states, [p.grad for p in layer.parameters()]]
    for cell in (nn.LSTMCell, nn.GRUCell, nn.RNNCell):
        found[cell.__name__] = g.layer(lambda cell=cell: cell(4, 6))(x[:, 0])
    return found


@program
def packed_sequences(device: str) -> dict[str, Any]:
    g = Given(device)
    lstm = g.layer(lambda: nn.LSTM(4, 6, batch_first=True))
    packed = nn.utils.rnn.pack_padded_sequence(
        g.random(3, 5, 4), torch.tensor([5, 2, 3]), batch_first=True, enforce_sorted=False
    )
    out, (hn, _) = lstm(packed)
    padded, lengths = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
    return {"padded": padded, "hn": hn, "cpu lengths": lengths, "cpu sizes": out.batch_sizes}


@program
def multi_head_attention(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.MultiheadAttention(8, 2, batch_first=True))
    x = g.leaf(2, 3, 8)
    out, weights = layer(x, x, x, key_padding_mask=g.random(2, 3) > 1)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    return {"out": out, "weights": weights, "gradient": gradient}


@program
def transformer_layers(device: str) -> dict[str, Any]:
    g = Given(device)
    encoder = g.layer(lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True))
    decoder = g.layer(lambda: nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True))
    x = g.random(2, 3, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(3, device=device)
    memory = encoder(x, src_mask=mask)
    return {"memory": memory, "out": decoder(x, memory, tgt_mask=mask), "mask": mask}


@program
def convolutional_network(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(64, 5)),
        )
    )
    found = train(g, model, (g.random(3, 3, 8, 8),), adam, steps=3)
    return found | {
        "buffers": dict(model.named_buffers()),
        "eval": model.eval()(g.random(1, 3, 8, 8)),
    }


@program
def optimisers(device: str) -> dict[str, Any]:
    g = Given(device)
    found = {}
    makes = (
        torch.optim.SGD,
        torch.optim.Adam,
        torch.optim.AdamW,
        torch.optim.RMSprop,
        torch.optim.Adagrad,
    )
    for make in makes:
        model = g.layer(lambda: nn.Linear(4, 3))
        state = train(g, model, (g.random(5, 4),), lambda p, make=make: make(p, lr=0.01))
        found[make.__name__] = state
    return found


@program
def clipping_and_schedule(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)))
    optimiser = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, 1, 0.5)
    model(g.x).square().sum().backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    nn.utils.clip_grad_value_(model.parameters(), 0.05)
    optimiser.step()
    schedule.step()
    flat = nn.utils.parameters_to_vector(model.parameters())
    return {"norm": norm, "weights": flat, "rate": optimiser.param_groups[0]["lr"]}


@program
def module_moves_there_and_back(device: str) -> dict[str, Any]:
    model = Given("cpu").layer(lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)))
    parameters = list(model.parameters())
    model.to(device)
    assert all(one is other for one, other in zip(parameters, model.parameters(), strict=True))
    there = [p.device.type for p in [*model.parameters(), *model.buffers()]]
    out = model(Given(device).x)
    out.sum().backward()
    model.cpu()
    back = [p.grad.device.type for p in model.parameters() if p.grad is not None]
    assert set(there) == {torch.device(device).type}
    assert set(back) == {"cpu"}
    return {"out": out, "cpu state": model.state_dict(), "cpu again": model(Given("cpu").x)}


@program
def state_dict_across_devices(device: str) -> dict[str, Any]:
    g = Given(device)
    one, other = g.layer(lambda: nn.Linear(4, 3)), nn.Linear(4, 3)
    other.load_state_dict(one.state_dict())
    third = nn.Linear(4, 3).to(device)
    third.load_state_dict(other.state_dict())
    return {"cpu other": other.state_dict(), "third": third.state_dict()}


@program
def save_and_load(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: nn.Linear(4, 3))
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "x": g.x.detach()}, file)
    found = {}
    for name, where in (
        ("same", None),
        ("cpu", "cpu"),
        ("there", device),
        ("object", torch.device(device)),
    ):
        file.seek(0)
        found[name] = torch.load(file, map_location=where)
    return found


@program
def copies(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: nn.LSTM(4, 3))
    model(g.b)[0].sum().backward()
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.weight_ih_l0.zero_()
    assert type(other.weight_ih_l0) is nn.Parameter
    tensor = copy.deepcopy(g.mask)
    tensor[0] = False
    return {
        "model": model.state_dict(),
        "other": other.state_dict(),
        "mask": g.mask,
        "copy": tensor,
    }


@program
def factories_in_a_context(device: str) -> dict[str, Any]:
    with torch.device(device):
        found = {
            "zeros": torch.zeros(2),
            "tensor": torch.tensor([1, 2]),
            "arange": torch.arange(3),
            "there": torch.ones(2, device=device),
            "cpu": torch.ones(2, device="cpu"),
            "layer": nn.Linear(2, 2).weight.detach() * 0,
        }
    return found | {"cpu after": torch.zeros(2)}


@program
def default_device(device: str) -> dict[str, Any]:
    torch.set_default_device(device)
    try:
        found = {"zeros": torch.zeros(2), "layer": nn.LSTM(2, 2)(torch.ones(1, 1, 2))[0] * 0}
        with torch.device("cpu"):
            found["cpu"] = torch.zeros(3)
        assert torch.get_default_device().type == torch.device(device).type
    finally:
        torch.set_default_device(None)
    return found


@program
def in_place_and_views(device: str) -> dict[str, Any]:
    g = Given(device)
    x = g.x.detach().clone()
    row, column, flat = x[0], x[:, 1], x.view(-1)
    row += 1
    column.mul_(2)
    flat[5] = 9
    x[1:, 2:] = 0
    x[g.mask] = -1
    x[2] = g.v.detach()
    x[g.target % 3, g.target] += 0.5
    x.t()[3].fill_(4)
    x.index_put_((g.target % 3,), torch.zeros(3, 4, device=device))
    x.masked_fill_(g.mask, 7).clamp_(max=6)
    y = g.y.clone()
    y[:, 0] = g.p[:, 0] * 2
    y.relu_()
    (gradient,) = torch.autograd.grad(y.sum(), g.p)
    return {"x": x, "row": row, "column": column, "flat": flat, "gradient": gradient}


@program
def values_for_python(device: str) -> dict[str, Any]:
    g = Given(device)
    x = g.x.detach()
    return {
        "item": x[0, 0].item(),
        "list": x.tolist(),
        "float": float(x.sum()),
        "int": int(g.index[0]),
        "bool": [bool(g.mask.any()), not g.mask.all()],
        "len": [len(x), x.numel(), x.dim(), *x.shape, x.size(-1)],
        "in": 2 in g.index,
        "math": math.sqrt(x.square().sum()),
        "range": list(range(g.index[0])),
        "format": f"{x[0, 0]:.2f}",
        "numpy": x.cpu().numpy().sum().item(),
        "forced": x.numpy(force=True).shape,
        "array": np.asarray(x.cpu()).ndim,
        "pick": ["a", "b", "c"][g.index[0]],
    }


@program
def says_where_it_is(device: str) -> dict[str, Any]:
    x = torch.ones(2, device=device)
    there = device != "cpu"
    assert x.is_cuda is there
    assert x.is_cpu is not there
    assert x.device.type == torch.device(device).type
    assert (x.device == torch.device("cuda:0")) is there
    assert x.device != torch.device("cuda")
    assert x.get_device() == (0 if there else -1)
    assert str(x.device) == ("cuda:0" if there else "cpu")
    assert ("device='cuda:0'" in repr(x)) is there
    assert ("device='cuda:0'" in f"{x}") is there
    assert x.type() == ("torch.cuda.FloatTensor" if there else "torch.FloatTensor")
    assert isinstance(x, Tensor)
    assert type(x) is Tensor
    return {"same": x.to(x.device) is x, "again": x.to(device) is x, "x": x.to(x.device)}


@program
def hooks(device: str) -> dict[str, Any]:
    g = Given(device)
    seen: dict[str, Any] = {}
    layer = g.layer(lambda: nn.Linear(4, 3))
    act = nn.Tanh()
    layer.register_forward_hook(lambda module, given, out: seen.update(out=out.detach()))
    act.register_full_backward_hook(lambda module, given, out: seen.update(given=given, back=out))
    act.register_full_backward_pre_hook(lambda module, out: seen.update(before=out))
    layer.register_full_backward_hook(lambda module, given, out: seen.update(whole=(given, out)))
    layer.weight.register_post_accumulate_grad_hook(lambda p: seen.update(weight=p.grad.clone()))
    h = layer(g.x)
    h.register_hook(lambda grad: seen.update(h=grad) or grad * 2)
    h.retain_grad()
    act(h).sum().backward()
    seen["doubled"] = layer.bias.grad
    seen["retained"] = h.grad
    seen["mixed"] = g.x.grad + seen["given"][0].sum() + seen["h"].sum()
    return seen


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2 + torch.zeros(grad.shape, device=grad.device)


@program
def own_autograd_function(device: str) -> dict[str, Any]:
    g = Given(device)
    (first,) = torch.autograd.grad(Cube.apply(g.x).sum(), g.x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), g.x)
    Cube.apply(g.y).cpu().sum().backward()
    return {"first": first, "second": second, "y": g.y.grad}


@program
def double_backward(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1)))
    (gradient,) = torch.autograd.grad(layer(g.x).sum(), g.x, create_graph=True)
    penalty = (gradient.norm(dim=1) - 1).square().mean()
    penalty.backward()
    return {"penalty": penalty, "gradients": [p.grad for p in layer.parameters()]}


@program
def gradients_across_devices(device: str) -> dict[str, Any]:
    g, here = Given(device), Given("cpu")
    scale = here.leaf()
    loss = (here.x.to(device) * g.y * scale).sum().cpu() * here.v.sum()
    loss.backward()
    return {"cpu x": here.x.grad, "y": g.y.grad, "cpu v": here.v.grad, "cpu scale": scale.grad}


@program
def gradients_of_a_copy(device: str) -> dict[str, Any]:
    """The gradient of the copy goes on to the original, perhaps as the same memory."""
    here = Given("cpu")
    there = here.x.to(device)
    there.register_hook(lambda grad: seen.append(grad.device.type))
    here.x.register_hook(lambda grad: seen.append(grad.device.type))
    seen: list[str] = []
    (there * 1).exp().sum().backward()
    assert seen == [torch.device(device).type, "cpu"]
    (gradient,) = torch.autograd.grad(here.y.to(device).sum() * 2, here.y)
    return {"cpu x": here.x.grad, "cpu y": gradient}


@program
def checkpoints(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    out = checkpoint(layer, g.x, use_reentrant=False)
    out.sum().backward()
    with torch.autograd.graph.save_on_cpu():
        kept = (g.y.exp() * g.x).sum()
    kept.backward()
    return {"out": out, "x": g.x.grad, "y": g.y.grad, "weight": layer[0].weight.grad}


@program
def modes_of_gradients(device: str) -> dict[str, Any]:
    g = Given(device)
    with torch.no_grad():
        a = g.x * 2
    with torch.inference_mode():
        b = g.x.detach() * 2
    c = (g.x * 2).detach_().requires_grad_()
    (c * 3).sum().backward()
    return {"a": a, "b": b, "c": c.grad, "needs": [a.requires_grad, c.requires_grad, c.is_leaf]}


@program
def parameters_made_by_hand(device: str) -> dict[str, Any]:
    g = Given(device)

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(g.s.detach().clone())
            self.late = nn.Parameter(torch.ones(4))
            self.register_buffer("positions", torch.arange(4.0))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight + self.late * self.positions

    model = Own().to(device)
    found = train(g, model, (g.random(3, 4),), adam)
    assert list(model.state_dict()) == ["weight", "late", "positions"]
    return found


@program
def lazy_layers(device: str) -> dict[str, Any]:
    g = Given(device)
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d(), nn.Linear(3, 2)).to(device)
    with torch.no_grad():
        model.eval()(g.x)
        for parameter in model.parameters():
            parameter.fill_(0.1)
    return train(g, model.train(), (g.random(4, 4),), adam)


@program
def embeddings_and_positions(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Embedding(6, 4, padding_idx=0))
    out = layer(g.index) + layer(torch.arange(g.index.size(0), device=g.index.device))
    out.sum().backward()
    return {"out": out, "gradient": layer.weight.grad}


@program
def storages(device: str) -> dict[str, Any]:
    g = Given(device)
    x = g.x.detach()
    storage = x.untyped_storage()
    assert storage.data_ptr() == x.data_ptr()
    for place, one in ((device, storage), (device, storage.clone()), ("cpu", storage.cpu())):
        assert one.device.type == torch.device(place).type
        assert one.is_cuda is (one.device.type == "cuda")
    assert HERE.x.untyped_storage().to(device=torch.device(device)).device.type == x.device.type
    again = torch.empty(0, device=device).set_(storage.clone(), 0, x.shape)
    return {"again": again, "cpu": torch.empty(0).set_(storage.cpu(), 0, x.shape)}


@program
def gradients_of_few_rows(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Embedding(6, 4, sparse=True))
    optimiser = torch.optim.SparseAdam(layer.parameters())
    layer(g.index).square().sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.is_sparse
    gradient = layer.weight.grad.to_dense()
    optimiser.step()
    return {"gradient": gradient, "state": layer.state_dict()}


@program
def padded_batches(device: str) -> dict[str, Any]:
    """In its fast path the encoder computes with nested tensors."""
    g = Given(device)
    layer = g.layer(lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)).eval()
    encoder = nn.TransformerEncoder(layer, 1).eval()
    padding = torch.tensor([[False, False, True], [False, False, False]], device=device)
    with torch.no_grad():
        return {"out": encoder(g.b.detach(), src_key_padding_mask=padding)}


@program
def scripted_and_traced(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Linear(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        @torch.jit.script
        def twice(x: Tensor) -> Tensor:
            return x + x

        scripted, traced = torch.jit.script(layer), torch.jit.trace(layer, g.x)
        frozen = torch.jit.freeze(torch.jit.script(layer.eval()))
        relu = torch.jit.trace(F.relu, g.x)
    return {
        "scripted": twice(scripted(g.x)),
        "traced": traced(g.y),
        "frozen": frozen(g.x),
        "relu": relu(g.y),
    }


@program
def several_gpus_if_there_are(device: str) -> dict[str, Any]:
    g = Given(device)
    model = nn.DataParallel(g.layer(lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh())))
    return train(g, model, (g.random(4, 4),), adam)


@program
def questions_to_the_driver(device: str) -> dict[str, Any]:
    """What training scripts print and profile, where there is a GPU."""
    if device != "cpu":
        for question in (
            torch.cuda.memory_stats,
            torch.cuda.memory_summary,
            torch.cuda.memory_allocated,
            torch.cuda.mem_get_info,
            torch.cuda.get_device_name,
            torch.cuda.empty_cache,
            torch.cuda.reset_peak_memory_stats,
            torch.cuda.current_blas_handle,
            torch.cuda.get_sync_debug_mode,
            torch.accelerator.current_accelerator,
        ):
            question()
        with torch.cuda.nvtx.range("step"), torch.cuda.device(0):
            torch.cuda.synchronize()
    return {"out": torch.ones(2, device=device)}


@program
def functional_transforms(device: str) -> dict[str, Any]:
    g = Given(device)
    layer = g.layer(lambda: nn.Linear(4, 2))
    weights = {name: p.detach() for name, p in layer.named_parameters()}

    def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return torch.func.functional_call(layer, weights, x).square().sum()

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, g.x.detach())
    _, tangent = torch.func.jvp(torch.tanh, (g.x.detach(),), (g.y.detach(),))
    return {
        "gradients": per_sample,
        "tangent": tangent,
        "jacobian": torch.func.jacrev(torch.sin)(g.v),
    }


@drawn
def random_numbers(device: str) -> dict[str, Any]:
    torch.manual_seed(5)
    generator = torch.Generator(device=device).manual_seed(3)
    one = torch.randn(3, generator=generator, device=device)
    again = torch.randn(3, generator=generator.manual_seed(3), device=device)
    assert one.tolist() == again.tolist()
    x = torch.zeros(3, 4, device=device)
    return {
        "one": one,
        "rand": torch.rand(2, 3, device=device),
        "randn": torch.randn(2, device=device, dtype=torch.float64),
        "randint": torch.randint(0, 9, (4,), device=device),
        "randperm": torch.randperm(5, device=device),
        "like": [torch.rand_like(x), torch.randn_like(x), torch.randint_like(x, 5)],
        "place": [x.normal_().clone(), x.uniform_().clone(), x.exponential_().clone()],
        "normal": torch.normal(0.0, 1.0, (2,), device=device),
        "bernoulli": torch.bernoulli(x.sigmoid()),
        "multinomial": torch.multinomial(x.softmax(1), 2),
        "dropout": F.dropout(torch.ones(20, device=device)),
        "init": nn.init.xavier_uniform_(torch.empty(2, 3, device=device)),
        "new": x.new_empty(2).normal_(),
    }


@drawn
def dropout_layers(device: str) -> dict[str, Any]:
    g = Given(device)
    torch.manual_seed(1)
    layers = nn.Dropout(0.5), nn.Dropout1d(0.5), nn.AlphaDropout(0.5)
    out = [layer(g.b) for layer in layers]
    return {"out": out, "eval": nn.Dropout(0.5).eval()(g.b)}


@program
def autocast(device: str) -> dict[str, Any]:
    """The dtypes that CUDA's autocast gives; the CPU has other rules, so it is not asked for them."""
    g = Given(device)
    linear, norm = g.layer(lambda: nn.Linear(4, 4)), g.layer(lambda: nn.LayerNorm(4))
    heads = g.layer(lambda: nn.MultiheadAttention(4, 2))
    kind = torch.device(device).type
    found: dict[str, Any] = {}
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast(kind, dtype=dtype):
            out = linear(g.x)
            values = {
                "linear": out,
                "matmul": g.x @ g.s,
                "einsum": torch.einsum("ij,jk->ik", g.x, g.s),
                "softmax": out.softmax(-1),
                "norm": norm(out),
                "sum": out.sum(),
                "exp": out.exp(),
                "loss": F.mse_loss(out, g.y),
                "cross": F.cross_entropy(out, g.target),
                "heads": heads(g.b, g.b, g.b)[0],
                "residual": out + g.x,
                "relu": out.relu(),
                "double": g.x.double() @ g.s.double(),
                "attention": F.scaled_dot_product_attention(g.b, g.b, g.b),
                "conv": F.conv1d(g.line, g.leaf(2, 3, 2)),
            }
            with torch.autocast(kind, enabled=False):
                values["off"] = linear(g.x)
        values["loss"].backward()
        assert linear.weight.grad is not None
        low = ["linear", "matmul", "einsum", "relu", "attention", "heads", "conv"]
        wanted = {name: dtype if name in low else torch.float32 for name in values}
        if kind == "cuda":
            assert {n: v.dtype for n, v in values.items()} == wanted | {"double": torch.float64}
        assert linear.weight.grad.dtype == torch.float32
        found[str(dtype)] = {
            name: values[name].float() for name in ("linear", "matmul", "off", "double")
        }
    return {"off": found["torch.float16"]["off"], "double": found["torch.float16"]["double"]}


@program
def gradient_scaler(device: str) -> dict[str, Any]:
    g = Given(device)
    model = g.layer(lambda: nn.Linear(4, 3))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler(torch.device(device).type, init_scale=8.0)
    loss = model(g.x).square().mean()
    scaler.scale(loss).backward()
    scaler.unscale_(optimiser)
    scaler.step(optimiser)
    scaler.update()
    return {"state": model.state_dict(), "scale": scaler.get_scale(), "loss": loss}


@program
def other_models_of_data(device: str) -> dict[str, Any]:
    """A training loop as students write it, with a DataLoader and numbers kept in Python."""
    g = Given("cpu")
    data = torch.utils.data.TensorDataset(g.random(6, 4), torch.arange(6) % 3)
    loader = torch.utils.data.DataLoader(data, batch_size=4)
    model = g.layer(lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))).to(device)
    optimiser, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    total, right = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device, non_blocking=True)
        optimiser.zero_grad(set_to_none=True)
        out = model(x)
        loss = criterion(out, y)
        loss.backward()
        optimiser.step()
        total += loss.item() * x.size(0)
        right += (out.argmax(1) == y).sum().item()
    return {"total": total, "right": right, "state": model.state_dict()}


# ------------------------------------------------------------------------------------- mistakes

TWO_DEVICES = "Expected all tensors to be on the same device, but found at least two devices"
ACCELERATOR: type[Exception] = getattr(torch, "AcceleratorError", RuntimeError)
MISTAKES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {}
HERE, THERE = Given("cpu"), "cuda"  # what is on the CPU is made at once, and never moved


def mistake(sentence: str, error: type[Exception] = RuntimeError) -> Callable[[Any], None]:
    def keep(function: Callable[[Given], Any]) -> None:
        MISTAKES[function.__name__] = (lambda: function(Given(THERE)), error, sentence)

    return keep


for source in (
    "g.x + HERE.x",
    "HERE.x * g.x",
    "HERE.x - g.x.sum()",
    "g.x @ HERE.s",
    "torch.cat([g.x, HERE.x])",
    "torch.stack([HERE.x, g.x])",
    "torch.stack([g.x.sum(), torch.tensor(1.0)])",
    "torch.where(HERE.mask, g.x, g.y)",
    "torch.where(g.mask, g.x, HERE.y)",
    "torch.einsum('ij,kj->ik', g.x, HERE.x)",
    "torch.bmm(g.b, HERE.c)",
    "F.linear(g.x, HERE.s)",
    "nn.Linear(4, 2)(g.x)",
    "nn.Linear(4, 2).to(g.device)(HERE.x)",
    "nn.LayerNorm(4)(g.x)",
    "nn.BatchNorm1d(4)(g.x)",
    "nn.Embedding(5, 4).to(g.device)(HERE.index)",
    "nn.Conv1d(3, 2, 2).to(g.device)(g.line) + HERE.line[:, :2, 1:]",
    "F.cross_entropy(g.x, HERE.target)",
    "F.mse_loss(g.x, HERE.x)",
    "g.x.gather(1, HERE.whole % 4)",
    "g.x.index_select(0, HERE.index)",
    "g.x.add_(HERE.y) if g.x.detach_() is not None else 0",
    "torch.tensor(1.0).add_(g.x.sum())",
    "g.x.index_select(0, torch.tensor(1))",
    "g.x.repeat_interleave(torch.tensor(2), 0)",
    "F.embedding(torch.tensor(1), g.s)",
    "torch.addmm(torch.tensor(0.0), g.x, g.s)",
    "torch.baddbmm(torch.tensor(0.0), g.b, g.c)",
    "g.x.index_add(0, torch.tensor(1), g.y[:1])",
    "torch._foreach_add([g.x.detach()], [HERE.y.detach()])",
    "g.x == HERE.x",
    "torch.maximum(g.x, HERE.y)",
    "g.x.detach().index_put_((g.target % 3,), HERE.x)",
    "g.x.detach().__setitem__(g.target % 3, HERE.x)",
    "nn.MultiheadAttention(4, 2).to(g.device)(g.b, HERE.b, g.b)",
    "nn.TransformerEncoderLayer(4, 2, 8)(g.b)",
    "rearrange([g.x, HERE.x], 'n a b -> n b a')",
):
    MISTAKES[source] = (
        eval(f"lambda: (lambda g: {source})(Given(THERE))", globals()),
        RuntimeError,
        TWO_DEVICES,
    )


@mistake("found input tensor at cuda:0 and hidden tensor at cpu")
def lstm_states_on_the_cpu(g: Given) -> None:
    nn.LSTM(4, 3).to(g.device)(g.b, (torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)))


@mistake("found input tensor at cuda:0 and hidden tensor at cpu")
def gru_state_on_the_cpu(g: Given) -> None:
    nn.GRU(4, 3).to(g.device)(g.b, torch.zeros(1, 3, 3))


@mistake("found input tensor at cpu and parameter tensor at cuda:0")
def rnn_input_on_the_cpu(g: Given) -> None:
    nn.RNN(4, 3).to(g.device)(HERE.b, torch.zeros(1, 3, 3))


@mistake("found input tensor at cuda:0 and parameter tensor at cpu")
def lstm_left_on_the_cpu(g: Given) -> None:
    nn.LSTM(4, 3)(g.b)


@mistake("rnn: hx is not contiguous")
def lstm_states_that_are_expanded(g: Given) -> None:
    h = torch.zeros(1, 1, 3, device=g.device).expand(2, 3, 3)
    nn.LSTM(4, 3, 2).to(g.device)(g.b, (h, h))


@mistake("lengths' argument should be a 1D CPU int64 tensor")
def lengths_on_the_gpu(g: Given) -> None:
    nn.utils.rnn.pack_padded_sequence(g.b, torch.tensor([3, 2, 1], device=g.device))


@mistake("can't convert cuda:0 device type tensor to numpy", TypeError)
def numpy_of_a_tensor(g: Given) -> None:
    g.x.detach().numpy()


@mistake("apply_ is only implemented on CPU tensors", TypeError)
def a_function_for_each_number(g: Given) -> None:
    g.x.detach().apply_(abs)


@mistake("map_ is only implemented on CPU tensors", TypeError)
def a_function_for_each_pair(g: Given) -> None:
    g.x.detach().map_(g.x.detach(), max)


@mistake("can't convert cuda:0 device type tensor to numpy", TypeError)
def numpy_takes_a_tensor(g: Given) -> None:
    np.asarray(g.mask)


@mistake("can't convert cuda:0 device type tensor to numpy", TypeError)
def numpy_computes_with_a_tensor(g: Given) -> None:
    np.exp(g.x.detach())


@mistake("invalid device ordinal", ACCELERATOR)
def no_such_gpu(g: Given) -> None:
    torch.zeros(2, device="cuda:97")


@mistake("invalid device ordinal", ACCELERATOR)
def a_module_for_no_such_gpu(g: Given) -> None:
    nn.Linear(2, 2).to("cuda:97")


@mistake("invalid device ordinal", ACCELERATOR)
def cuda_of_no_such_gpu(g: Given) -> None:
    HERE.x.cuda(97)


@mistake("indices should be either on cpu or on the same device as the indexed tensor")
def a_cpu_tensor_indexed_from_the_gpu(g: Given) -> None:
    HERE.x[g.index]


@mistake("expected self and mask to be on the same device, but got mask on cpu and self on cuda:0")
def a_mask_on_the_cpu(g: Given) -> None:
    g.x.masked_fill(HERE.mask, 0.0)


@mistake(
    "attempting to assign a gradient with device type 'cpu' to a tensor with device type 'cuda'"
)
def a_gradient_from_the_cpu(g: Given) -> None:
    g.x.grad = torch.zeros(3, 4)


@mistake("Expected a 'cuda' device type for generator but found 'cpu'")
def a_generator_of_the_cpu(g: Given) -> None:
    torch.randn(2, device=g.device, generator=torch.Generator())


@mistake("Expected a 'cpu' device type for generator but found 'cuda'")
def a_generator_of_the_gpu(g: Given) -> None:
    torch.randn(2, generator=torch.Generator(g.device))


@mistake("unsafe to autocast")
def binary_cross_entropy_under_autocast(g: Given) -> None:
    with torch.autocast("cuda"):
        F.binary_cross_entropy(g.u, g.mask.float())


@mistake("not implemented for 'Long'")
def whole_numbers_multiplied_as_matrices(g: Given) -> None:
    g.whole @ g.whole.T


@mistake("Cannot copy out of meta tensor", NotImplementedError)
def a_meta_tensor_moved(g: Given) -> None:
    torch.empty(2, device="meta").to(g.device)


@mistake("Invalid device id", AssertionError)
def properties_of_no_such_gpu(g: Given) -> None:
    torch.cuda.get_device_properties(97)
