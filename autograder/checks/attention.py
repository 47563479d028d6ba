"""Checks for scaled dot-product attention and multi-head attention."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from autograder.check import (
    Unexpected,
    alike_under_autocast,
    attempt,
    check,
    clue,
    distinct,
    given_to_linear,
    gradients,
    on_gpu,
    parts,
    tensor,
)
from autograder.draw import Draw, default_dtype
from autograder.language import _
from autograder.origins import refused_on_gpu

CLASSES = {
    "ScaledDotProductAttention": ("ScaledDotProduct", "SDPA"),
    "MultiHeadedAttention": ("MultiHeadAttention", "MultiheadAttention"),
}
FILES = ("transformer", "mha")
AXES = {
    "out": "batch query feature",
    "attention": "batch query key",
    "out, two leading axes": "batch head query feature",
    "attention, two leading axes": "batch head query key",
    "attention of the heads": "batch head query key",
    "out of one sequence alone": "batch query feature",
    "attention of one sequence alone": "batch query key",
    "attention of the heads of one sequence alone": "batch head query key",
    "out, masked": "batch query feature",
    "attention, masked": "batch query key",
    "out, masked, two leading axes": "batch head query feature",
    "attention, masked, two leading axes": "batch head query key",
    "out, one mask for all": "batch query feature",
    "attention of the heads, one mask for all": "batch head query key",
    "out, a mask for each sequence": "batch query feature",
    "attention of the heads, a mask for each sequence": "batch head query key",
    "attention, a mask for each sequence": "batch query key",
    "out, in training": "batch query feature",
    "attention of the heads, in training": "batch head query key",
    "attention of the heads in training": "batch head query key",
    "attention, scores in the thousands": "batch query key",
    "attention, hidden keys and very low scores": "batch query key",
    "out, hidden keys and very low scores": "batch query feature",
    "attention, hidden keys with very high scores": "batch query key",
    "out, hidden keys with very high scores": "batch query feature",
    "gradient of W_Q.weight": "output input",
    "gradient of W_K.weight": "output input",
    "gradient of W_V.weight": "output input",
    "gradient of W_O.weight": "output input",
    "gradient of Q": "batch query feature",
    "gradient of K": "batch key feature",
    "gradient of V": "batch key feature",
}
# What both TODOs ask for, ready made; also in part.
FORBIDDEN = dict.fromkeys(
    [
        "torch.nn.functional.scaled_dot_product_attention",
        "torch.nn.functional.multi_head_attention_forward",
        "torch.nn.MultiheadAttention",
        "torch.nn.TransformerEncoderLayer",
        "torch.nn.TransformerDecoderLayer",
        "torch.nn.attention.flex_attention.flex_attention",
        "torch._native_multi_head_attention",
        "torch._transformer_encoder_layer_fwd",
        "torch._scaled_dot_product_attention_math",
        "torch._scaled_dot_product_flash_attention_for_cpu",
    ],
    ("sdpa", "mha"),
)


class SquaredAttention(nn.Module):
    """Stands in for an answer to sdpa: another similarity, without a softmax."""

    def forward(
        self, Q: Tensor, K: Tensor, V: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        weights = (Q.unsqueeze(-2) * K.unsqueeze(-3)).sum(-1).square() + 0.1
        if mask is not None:
            weights = weights * mask
        weights = weights / weights.sum(-1, keepdim=True)
        return torch.einsum("...qk,...kd->...qd", weights, V), weights


def other_attention(module: ModuleType) -> None:
    """Stands in for sdpa."""
    vars(module)["ScaledDotProductAttention"] = SquaredAttention


def attend(module: Any, *inputs: Any) -> tuple[Any, ...]:
    # Copies: changing an input in place is bad manners, and costs no marks.
    result = module.ScaledDotProductAttention()(*(x.clone() for x in inputs))
    return parts(result, "out", "attention")


def observed(result: tuple[Any, ...], suffix: str = "") -> dict[str, Any]:
    return {f"out{suffix}": result[0], f"attention{suffix}": result[1]}


@check(todo="sdpa", points=0.75)
def weighs_values_by_scaled_similarity(module: Any, draw: Draw) -> dict[str, Any]:
    """softmax(Q Kᵀ / √d_K) V, with more keys than queries and d_V ≠ d_K."""
    Q, K, V = draw(3, 4, 8), draw(3, 6, 8), draw(3, 6, 5)
    return observed(attend(module, Q, K, V))


@check(todo="sdpa", points=0.5)
def works_for_every_head(module: Any, draw: Draw) -> dict[str, Any]:
    """Two leading axes (batch, head), other sizes, and as many queries as keys."""
    Q, K, V = draw(2, 3, 5, 6), draw(2, 3, 5, 6), draw(2, 3, 5, 4)
    return observed(attend(module, Q, K, V), ", two leading axes")


@check(todo="sdpa", points=1)
def hides_what_the_mask_hides(module: Any, draw: Draw) -> dict[str, Any]:
    """Hidden keys (mask False) get weight 0, and the others still sum to 1."""
    Q, K, V = draw(2, 4, 6), draw(2, 5, 6), draw(2, 5, 3)
    seen = observed(attend(module, Q, K, V, draw.mask(4, 5)), ", masked")
    seen |= observed(attend(module, Q, K, V, draw.mask(2, 4, 5)), ", a mask for each sequence")
    Q, K, V = draw(2, 3, 7, 4), draw(2, 3, 7, 4), draw(2, 3, 7, 6)
    result = attend(module, Q, K, V, draw.mask(2, 1, 7, 7))
    return seen | observed(result, ", masked, two leading axes")


@check(todo="sdpa", points=0.5)
def stays_finite_with_large_scores(module: Any, draw: Draw) -> dict[str, Any]:
    """Scores in the thousands give no NaN, and no weight leaks to a hidden key."""
    Q, K, V = draw(2, 3, 4, scale=60), draw(2, 5, 4, scale=60), draw(2, 5, 6)
    _, attention = attend(module, Q, K, V)
    # Visible scores near -2 million, in steps that float32 holds exactly. The sizes of the
    # features are powers of 4, so that dividing by their root is exact as well.
    low_Q, low_K = torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)
    low_Q[..., 0], low_K[..., 0] = 2048.0, -2048.0
    low_Q[..., 1], low_K[..., 1] = 1.0, torch.tensor([0.0, 2.0, 4.0, 1.0, 3.0])
    low = attend(module, low_Q, low_K, V, draw.mask(3, 5))
    # Hidden keys far above the visible ones, as they are where nothing was hidden in training.
    mask = draw.mask(3, 5)
    high_Q, high_K = torch.zeros(2, 3, 4), torch.zeros(2, 5, 4)
    high_Q[..., :3], high_K[..., :3] = 2048 * torch.eye(3), torch.where(mask, -2048.0, 2048.0).mT
    high_Q[..., 3], high_K[..., 3] = 1.0, low_K[..., 1]
    high = attend(module, high_Q, high_K, V, mask)
    return {
        "attention, scores in the thousands": attention,
        **observed(low, ", hidden keys and very low scores"),
        **observed(high, ", hidden keys with very high scores"),
    }


@check(todo="sdpa", points=0.5)
def gradients_reach_queries_keys_and_values(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach Q, K and V."""
    Q, K, V = draw(2, 3, 5), draw(2, 4, 5), draw(2, 4, 6)
    inputs: dict[str, Tensor | None] = {"Q": Q, "K": K, "V": V}
    for x in (Q, K, V):
        x.requires_grad_()
    out, attention = attend(module, Q, K, V)
    outputs = {"out": tensor(out, "out"), "attention": tensor(attention, "attention")}
    return gradients(outputs, inputs, draw)


@check(todo="sdpa", points=0.5)
def each_sequence_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """A sequence gets the same result alone as in a batch, in float32 as well."""
    with default_dtype(torch.float32):
        Q, K, V = draw(4, 3, 6), draw(4, 5, 6), draw(4, 5, 7)
        seen = observed(attend(module, Q, K, V))
        alone = attend(module, Q[1:2], K[1:2], V[1:2])
        return seen | observed(alone, " of one sequence alone")


@check(todo="sdpa", points=0.25, gpu=True)
def attention_stays_where_its_inputs_are(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU both results come back on the device of Q, K and V, with a mask and under autocast as well."""
    with default_dtype(torch.float32):
        Q, K, V = (draw(3, n, d).to("cuda") for n, d in ((4, 8), (6, 8), (6, 5)))
        seen = observed(attend(module, Q, K, V))
        masked = observed(attend(module, Q, K, V, draw.mask(4, 6).to("cuda")), ", masked")
        usual = tensor(seen["out"], "out")
        lowered = alike_under_autocast(usual, lambda: tensor(attend(module, Q, K, V)[0], "out"))
        return seen | devices(masked) | lowered


def devices(seen: dict[str, Any]) -> dict[str, str]:
    """Where the tensors are: their values are looked at in other checks."""
    return {f"device of {name}": str(tensor(x, name).device) for name, x in seen.items()}


def heads(
    module: Any, draw: Draw, d_feat: int, n_head: int, *, bias: bool = True, dropout_p: float = 0.1
) -> nn.Module:
    """A multi-head attention with drawn weights."""
    names: dict[str, tuple[int, ...]] = {}
    for letter in "QKVO":
        names[f"W_{letter}.weight"] = (d_feat, d_feat)
        if bias:
            names[f"W_{letter}.bias"] = (d_feat,)
    return draw.build(
        lambda: module.MultiHeadedAttention(
            d_feat=d_feat, n_head=n_head, dropout_p=dropout_p, bias=bias
        ),
        names,
    )


def attend_with_heads(mha: nn.Module, *inputs: Any, suffix: str = "") -> dict[str, Any]:
    out, attention = parts(mha(*(x.clone() for x in inputs)), "out", "attention")
    return {f"out{suffix}": out, f"attention of the heads{suffix}": attention}


@check(todo="mha", points=0.75, apart={"sdpa": other_attention})
def splits_into_heads_and_joins_them(module: Any, draw: Draw) -> dict[str, Any]:
    """Project, split into heads, attend, join the heads, project: cross-attention in evaluation."""
    mha = heads(module, draw, 12, 3).eval()
    return attend_with_heads(mha, draw(2, 5, 12), draw(2, 7, 12), draw(2, 7, 12))


@check(todo="mha", points=0.5, apart={"sdpa": other_attention})
def heads_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Other sizes of everything, and projections without a bias."""
    mha = heads(module, draw, 10, 2, bias=False).eval()
    return attend_with_heads(mha, draw(3, 6, 10), draw(3, 4, 10), draw(3, 4, 10))


@check(todo="mha", points=0.5, apart={"sdpa": other_attention})
def heads_heed_the_mask(module: Any, draw: Draw) -> dict[str, Any]:
    """A mask (n_Q, n_K) or (batch, 1, n_Q, n_K) holds for all heads, in training as well."""
    mha = heads(module, draw, 8, 4, dropout_p=0.0).eval()
    Q, K, V = draw(3, 5, 8), draw(3, 6, 8), draw(3, 6, 8)
    same = attend_with_heads(mha, Q, K, V, draw.mask(5, 6), suffix=", one mask for all")
    each = draw.mask(3, 1, 5, 6)
    same |= attend_with_heads(mha, Q, K, V, each, suffix=", a mask for each sequence")
    return same | attend_with_heads(mha.train(), Q, K, V, each, suffix=", in training")


@check(todo="mha", points=1, apart={"sdpa": other_attention})
def dropout_falls_on_the_attention(module: Any, draw: Draw) -> dict[str, Any]:
    """In training, dropout falls on the attention weights; the attention returned is before dropout."""
    n_Q, n_K, d_head, n_head = 6, 4, 8, 2
    d_feat = n_head * d_head
    dropout_p = 0.25
    mha = heads(module, draw, d_feat, n_head, dropout_p=dropout_p)
    values, output = draw.parameter("W_V.weight"), draw.parameter("W_O.weight")
    biases = draw.parameter("W_V.bias"), draw.parameter("W_O.bias")
    if values is None or output is None:
        raise Unexpected(_("MultiHeadedAttention has no W_V and W_O; keep the stub's __init__"))
    with torch.no_grad():
        values.copy_(torch.eye(d_feat))
        output.copy_(torch.eye(d_feat))
        for bias in biases:
            if bias is not None:
                bias.zero_()
    # Value k has a 1 at features k and n_K + k of each head: what comes out are the weights
    # themselves, twice, so it shows which of them were dropped and by how much the rest grew.
    batch = 14
    one_hot = torch.eye(n_K).repeat(1, d_feat // n_K).expand(batch, -1, -1)
    Q, K = draw(batch, n_Q, d_feat), draw(batch, n_K, d_feat)
    mha.eval()
    out, attention = parts(mha(Q, K, one_hot), "out", "attention")
    mha.train()
    trained_out, trained_attention = parts(mha(Q, K, one_hot), "out", "attention")
    ratio = tensor(trained_out, "out") / tensor(out, "out")
    first, second = ratio.unflatten(-1, (n_head, 2, n_K)).unbind(-2)
    dropped = first == 0  # (batch, query, head, key)
    together = [
        axis
        for place, axis in enumerate(("batch", "query", "head", "key"))
        if torch.equal(dropped.any(place), dropped.all(place))
    ]
    return {
        "attention of the heads": attention,
        "attention of the heads in training": trained_attention,
        "the attention that is returned holds zeros": bool(
            (tensor(trained_attention, "attention") == 0).any()
        ),
        "weights in training, as multiples of those in evaluation": distinct(ratio),
        "a weight is dropped for all features of its value": bool(torch.equal(first, second)),
        "about a share dropout_p of the weights is dropped": bool(
            (dropped.double().mean() - dropout_p).abs() < 0.1
        ),
        "weights are dropped together along": ", ".join(together),
    }


@check(todo="mha", points=0.5, apart={"sdpa": other_attention})
def gradients_reach_all_projections(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach Q, K, V and the four projections, in training."""
    mha = heads(module, draw, 12, 3, dropout_p=0.0).train()
    Q, K, V = draw(2, 5, 12), draw(2, 6, 12), draw(2, 6, 12)
    inputs: dict[str, Tensor | None] = {"Q": Q, "K": K, "V": V}
    for x in (Q, K, V):
        x.requires_grad_()
    # Not W_K's bias: a softmax does not see a shift, so its gradient is rounding noise.
    inputs |= {f"W_{letter}.weight": draw.parameter(f"W_{letter}.weight") for letter in "QKVO"}
    out, attention = parts(mha(Q.clone(), K.clone(), V.clone()), "out", "attention")
    outputs = {"out": tensor(out, "out"), "attention": tensor(attention, "attention")}
    return gradients(outputs, inputs, draw)


@check(todo="mha", points=0.5, apart={"sdpa": other_attention})
def heads_of_each_sequence_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """A sequence gets the same result alone as in a batch, in float32 as well."""
    with default_dtype(torch.float32):
        mha = heads(module, draw, 8, 2).eval()
        Q, K, V = draw(3, 5, 8), draw(3, 6, 8), draw(3, 6, 8)
        seen = attend_with_heads(mha, Q, K, V)
        alone = attend_with_heads(mha, Q[1:2], K[1:2], V[1:2], suffix=" of one sequence alone")
        return seen | alone


@check(todo="mha", points=0.25, apart={"sdpa": other_attention}, gpu=True)
def heads_stay_where_their_inputs_are(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU both results come back on the device of Q, K and V, in training as well."""
    with default_dtype(torch.float32):
        mha = on_gpu(heads(module, draw, 8, 2).eval())
        Q, K, V = (draw(3, n, 8).to("cuda") for n in (5, 6, 6))
        mask = draw.mask(5, 6).to("cuda")
        seen = attend_with_heads(mha, Q, K, V)
        usual = tensor(seen["out"], "out")
        lowered = alike_under_autocast(
            usual, lambda: tensor(parts(mha(Q, K, V), "out", "")[0], "out")
        )
        trained = attend_with_heads(mha.train(), Q, K, V, mask, suffix=", in training")
        return seen | lowered | devices(trained)


@clue(todo="sdpa")
def sizes_that_are_all_the_same(module: Any, draw: Draw) -> dict[str, Any]:
    """With all sizes alike nothing is refused: what is computed shows."""
    Q, K, V = draw(4, 4, 4), draw(4, 4, 4), draw(4, 4, 4)
    seen: dict[str, Any] = attempt(lambda: observed(attend(module, Q, K, V)))
    return seen if isinstance(seen, dict) else {"result": seen}


@clue(todo="mha", apart={"sdpa": other_attention})
def what_is_given_to_the_projections(module: Any, draw: Draw) -> dict[str, Any]:
    """The input of each of the four projections, also where it is refused."""
    mha = heads(module, draw, 12, 3).eval()
    Q, K, V = draw(2, 5, 12), draw(2, 7, 12), draw(2, 7, 12)
    weights = {f"input of W_{x}": draw.parameter(f"W_{x}.weight") for x in "QKVO"}
    return given_to_linear(lambda: mha(Q, K, V), weights)


@clue(todo="sdpa", gpu=True)
def what_a_gpu_refuses(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU where it meets Q, K and V."""
    Q, K, V = (draw(2, n, 4).to("cuda").requires_grad_() for n in (3, 5, 5))
    seen = refused_on_gpu(lambda: attend(module, Q, K, V))
    masked = refused_on_gpu(lambda: attend(module, Q, K, V, draw.mask(3, 5).to("cuda")))
    return seen | {f"{name}, masked": what for name, what in masked.items()}


@clue(todo="mha", apart={"sdpa": other_attention}, gpu=True)
def what_a_gpu_refuses_of_the_heads(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU where the heads are, in evaluation, with a mask, and in training."""
    mha = on_gpu(heads(module, draw, 8, 2).eval())
    Q, K, V = (draw(3, n, 8).to("cuda").requires_grad_() for n in (5, 6, 6))
    seen = refused_on_gpu(lambda: mha(Q, K, V))
    masked = refused_on_gpu(lambda: mha(Q, K, V, draw.mask(5, 6).to("cuda")))
    trained = refused_on_gpu(lambda: mha.train()(Q, K, V))
    suffixes = ("", seen), (", masked", masked), (", in training", trained)
    return {f"{name}{suffix}": what for suffix, one in suffixes for name, what in one.items()}
