"""Checks for the Vision Transformer: tokens, encoder block, and the body that joins them."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from autograder.check import (
    alike_under_autocast,
    attempt,
    check,
    clue,
    gradients,
    marks,
    on_gpu,
    parts,
    place,
    tensor,
)
from autograder.draw import Draw, default_dtype
from autograder.origins import refused_on_gpu

CLASSES: dict[str, tuple[str, ...]] = {
    "ImageEmbedding": (),
    "MultiHeadAttention": (),
    "MLPBlock": (),
    "EncoderBlock": (),
    "EncoderModule": (),
    "VisionTransformer": ("ViT",),
}
FILES = ("vision_transformer",)
AXES = {
    "tokens": "batch token emb_dim",
    "tokens of one image alone": "batch token emb_dim",
    "embedded patches": "batch patch emb_dim",
    "x": "batch token emb_dim",
    "x of one image alone": "batch token emb_dim",
    "attention": "batch head query key",
    "attentions": "block batch head query key",
    "logits": "batch class",
    "logits of one image alone": "batch class",
    "attention of one image alone": "batch head query key",
    "attentions of one image alone": "block batch head query key",
    "gradient of cls_token": "1 1 emb_dim",
    "gradient of positions": "token emb_dim",
    "gradient of the image": "batch channel height width",
    "gradient of x": "batch token emb_dim",
    "gradient of norm_1.weight": "emb_dim",
    "gradient of norm_2.weight": "emb_dim",
    "gradient of normalization.weight": "emb_dim",
    "gradient of classification_head.weight": "class emb_dim",
}

OTHER_PATCHES = "patches are replaced"  # a mark of a stand-in


class OtherPatches(nn.Module):
    """Stands in for the given patch embedding: (B, C, H, W) -> (B, N, D), from means over strips."""

    def __init__(self, n_patches: int, emb_dim: int) -> None:
        super().__init__()
        self.n_patches = n_patches
        self.mix = nn.Parameter(torch.empty(emb_dim))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).unflatten(1, (self.n_patches, -1)).mean(-1, keepdim=True) * self.mix


class Recorder(nn.Module):
    """Remembers what a layer gave first."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.given: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        if self.given is None:
            self.given = out.clone()  # what comes after may change it in place
        return out


class OtherEmbedding(nn.Module):
    """Stands in for ImageEmbedding: every token is a multiple of the same image features."""

    def __init__(
        self, in_channels: int = 3, img_size: int = 224, patch_size: int = 16, emb_dim: int = 768
    ) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.empty((img_size // patch_size) ** 2 + 1, emb_dim))
        self.mix = nn.Parameter(torch.empty(emb_dim, in_channels * img_size**2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("nd,dp,bp->bnd", self.tokens, self.mix, x.flatten(1))


class OtherAttention(nn.Module):
    """Stands in for the given MultiHeadAttention."""

    def __init__(self, emb_dim: int, num_heads: int = 8, dropout_ratio: float = 0.2) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.empty(num_heads, emb_dim, emb_dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        attention = torch.tanh(torch.einsum("bnd,hde,bme->bhnm", x, self.mix, x))
        return torch.einsum("bhnm,bmd->bnd", attention, x), attention


class OtherMLP(nn.Module):
    """Stands in for the given MLPBlock."""

    def __init__(self, emb_dim: int, forward_dim: int = 4, dropout_ratio: float = 0.2) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.empty(emb_dim, emb_dim))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(torch.einsum("...d,de->...e", x, self.mix))


class OtherBlock(nn.Module):
    """Stands in for EncoderBlock: it mixes tokens and features, in another way."""

    def __init__(
        self, emb_dim: int, num_heads: int = 8, forward_dim: int = 4, dropout_ratio: float = 0.2
    ) -> None:
        super().__init__()
        self.other_attention = OtherAttention(emb_dim, num_heads)
        self.other_mlp = OtherMLP(emb_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mixed, attention = self.other_attention(x.tanh())
        return self.other_mlp(mixed) - 0.5 * x, attention


class OtherModule(nn.Module):
    """Stands in for the given EncoderModule."""

    def __init__(
        self,
        emb_dim: int,
        n_enc_layers: int,
        num_heads: int,
        forward_dim: int,
        dropout_ratio: float,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            OtherBlock(emb_dim, num_heads, forward_dim, dropout_ratio) for _ in range(n_enc_layers)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        pairs = []
        for block in self.blocks:
            x, attention = block(x)
            pairs.append(attention)
        return x, pairs


def other_patches(module: ModuleType) -> None:
    """Stands in for the given cutting of patches."""
    marks(module)[OTHER_PATCHES] = True


def other_sublayers(module: ModuleType) -> None:
    """Stands in for the given MultiHeadAttention and MLPBlock."""
    vars(module).update(MultiHeadAttention=OtherAttention, MLPBlock=OtherMLP)


def other_block(module: ModuleType) -> None:
    """Stands in for encoder_block."""
    vars(module)["EncoderBlock"] = OtherBlock


def other_parts(module: ModuleType) -> None:
    """Stands in for all that the body is made of."""
    vars(module).update(
        ImageEmbedding=OtherEmbedding, EncoderBlock=OtherBlock, EncoderModule=OtherModule
    )


def embedding(module: Any, draw: Draw, c: int, size: int, patch: int, d: int) -> nn.Module:
    """An ImageEmbedding with drawn weights."""
    n = (size // patch) ** 2
    names = {
        "cls_token": (1, 1, d),
        "positions": (n + 1, d),
        "linear.weight": (d, c * patch**2),
        "linear.bias": (d,),
    }

    def make() -> nn.Module:
        model: nn.Module = module.ImageEmbedding(c, size, patch, d)
        if OTHER_PATCHES in marks(module):
            model.rearrange, model.linear = nn.Identity(), OtherPatches(n, d)
        return model

    return draw.build(make, names)


@check(todo="cls_token", points=1, apart={"given": other_patches})
def class_token_in_front_then_positions(module: Any, draw: Draw) -> dict[str, Any]:
    """[class token; patches] + positions."""
    model = embedding(module, draw, 2, 6, 3, 7)
    return {"tokens": model(draw(8, 2, 6, 6))}


@check(todo="cls_token", points=0.75, apart={"given": other_patches})
def tokens_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Other sizes of everything."""
    model = embedding(module, draw, 1, 6, 2, 7)
    return {"tokens": model(draw(4, 1, 6, 6))}


@check(todo="cls_token", points=0.5, apart={"given": other_patches})
def class_token_and_positions_are_learned(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach the image, the class token and the positions."""
    model = embedding(module, draw, 2, 4, 2, 6)
    image = draw(3, 2, 4, 4).requires_grad_()
    inputs = {
        "the image": image,
        "cls_token": draw.parameter("cls_token"),
        "positions": draw.parameter("positions"),
    }
    found = gradients({"tokens": tensor(model(image), "tokens")}, inputs, draw)
    positions = found["gradient of positions"]
    if isinstance(positions, Tensor):  # (1, N+1, D) is as good
        found["gradient of positions"] = positions.flatten(end_dim=-2)
    return found


@check(todo="cls_token", points=0.5, apart={"given": other_patches})
def tokens_of_each_image_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """An image gets the same tokens alone as in a batch, in float32 as well."""
    with default_dtype(torch.float32):
        model = embedding(module, draw, 3, 4, 2, 6)
        images = draw(7, 3, 4, 4)
        return {"tokens": model(images), "tokens of one image alone": model(images[1:2])}


@check(todo="cls_token", points=0.25, apart={"given": other_patches}, gpu=True)
def tokens_are_where_the_image_is(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU the tokens come back on the device of the image, under autocast as well."""
    with default_dtype(torch.float32):
        model = on_gpu(embedding(module, draw, 3, 4, 2, 5))
        images = draw(6, 3, 4, 4).to("cuda")
        tokens = tensor(model(images), "tokens")
        lowered = alike_under_autocast(tokens, lambda: tensor(model(images), "tokens"))
        return {"tokens": tokens} | lowered


def block_names(d: int, forward_dim: int) -> dict[str, tuple[int, ...]]:
    """The parameters of an EncoderBlock, in the order of the stub."""
    names: dict[str, tuple[int, ...]] = {"norm_1.weight": (d,), "norm_1.bias": (d,)}
    for part in ("query", "key", "value", "linear"):
        names |= {f"mha.{part}.weight": (d, d), f"mha.{part}.bias": (d,)}
    names |= {"norm_2.weight": (d,), "norm_2.bias": (d,)}
    wide = forward_dim * d
    names |= {"mlp.0.weight": (wide, d), "mlp.0.bias": (wide,)}
    return names | {"mlp.3.weight": (d, wide), "mlp.3.bias": (d,)}


def encoder_block(module: Any, draw: Draw, d: int, h: int, forward_dim: int) -> nn.Module:
    """An EncoderBlock with drawn weights."""
    names = block_names(d, forward_dim)
    return draw.build(lambda: module.EncoderBlock(d, h, forward_dim, 0.0), names)


def observed(result: Any) -> dict[str, Any]:
    x, attention = parts(result, "x", "attention")
    return {"x": x, "attention": attention}


@check(todo="encoder_block", points=1, apart={"given": other_sublayers})
def adds_each_sublayer_to_its_own_input(module: Any, draw: Draw) -> dict[str, Any]:
    """z' = MSA(LN(z)) + z, then z = MLP(LN(z')) + z'."""
    block = encoder_block(module, draw, 6, 2, 3).eval()
    return observed(block(draw(5, 4, 6)))


@check(todo="encoder_block", points=0.75, apart={"given": other_sublayers})
def block_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Other sizes of everything."""
    block = encoder_block(module, draw, 12, 4, 2).eval()
    return observed(block(draw(2, 5, 12)))


@check(todo="encoder_block", points=1, apart={"given": other_sublayers})
def both_norms_are_learned(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach z and both LayerNorms, in training mode as well."""
    block = encoder_block(module, draw, 8, 2, 3).train()
    x = draw(3, 5, 8).requires_grad_()
    inputs = {"x": x} | {n: draw.parameter(n) for n in ("norm_1.weight", "norm_2.weight")}
    out, attention = parts(block(x), "x", "attention")
    outputs = {"x": tensor(out, "x"), "attention": tensor(attention, "attention")}
    return gradients(outputs, inputs, draw)


@check(todo="encoder_block", points=0.5, apart={"given": other_sublayers})
def block_on_each_image_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """An image gets the same result alone as in a batch, in float32 as well."""
    with default_dtype(torch.float32):
        block = encoder_block(module, draw, 8, 2, 3).eval()
        x = draw(3, 5, 8)
        alone = observed(block(x[1:2]))
        return observed(block(x)) | {f"{name} of one image alone": v for name, v in alone.items()}


@check(todo="encoder_block", points=0.5, apart={"given": other_sublayers})
def dropout_stays_inside_the_sublayers(module: Any, draw: Draw) -> dict[str, Any]:
    """In training nothing is dropped but inside of the two sublayers."""
    names = block_names(8, 3)
    block = draw.build(lambda: module.EncoderBlock(8, 2, 3, 0.5), names).train()
    # Each sublayer gives its bias, whatever is dropped inside of it.
    draw.put("mha.linear.weight", 0.0)
    draw.put("mlp.3.weight", 0.0)
    return observed(block(draw(3, 5, 8)))


@check(todo="encoder_block", points=0.25, apart={"given": other_sublayers}, gpu=True)
def block_stays_where_its_input_is(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU both results come back on the device of z, under autocast as well."""
    with default_dtype(torch.float32):
        block = on_gpu(encoder_block(module, draw, 6, 3, 2).eval())
        x = draw(2, 5, 6).to("cuda")
        seen = observed(block(x))
        usual = tensor(seen["x"], "x")
        return seen | alike_under_autocast(usual, lambda: tensor(parts(block(x), "x", "")[0], "x"))


BODY = {"cls_token": other_parts, "encoder_block": other_parts, "given": other_parts}


def transformer(
    module: Any, draw: Draw, c: int, size: int, patch: int, d: int, layers: int, h: int, y: int
) -> nn.Module:
    """A VisionTransformer with drawn weights and no dropout."""
    n = (size // patch) ** 2
    names: dict[str, tuple[int, ...]] = {
        "ie.cls_token": (1, 1, d),
        "ie.positions": (n + 1, d),
        "ie.linear.weight": (d, c * patch**2),
        "ie.linear.bias": (d,),
        **{
            f"em.blocks.{i}.{name}": shape
            for i in range(layers)
            for name, shape in block_names(d, 2).items()
        },
        "normalization.weight": (d,),
        "normalization.bias": (d,),
        "classification_head.weight": (y, d),
        "classification_head.bias": (y,),
    }
    return draw.build(
        lambda: module.VisionTransformer(
            in_channel=c,
            img_size=size,
            patch_size=patch,
            emb_dim=d,
            n_enc_layers=layers,
            num_heads=h,
            forward_dim=2,
            dropout_ratio=0.0,
            n_classes=y,
        ),
        names,
    )


@check(todo="body", points=1, apart=BODY)
def classifies_from_the_class_token(module: Any, draw: Draw) -> dict[str, Any]:
    """Embedding, encoder, class token out, norm, head; and the attention of every block."""
    vit = transformer(module, draw, 2, 4, 2, 6, 3, 2, 7).eval()
    logits, attentions = parts(vit(draw(4, 2, 4, 4)), "logits", "attentions")
    return {"logits": logits, "attentions": attentions}


@check(todo="body", points=0.75, apart=BODY)
def body_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Other sizes of everything."""
    vit = transformer(module, draw, 1, 6, 2, 8, 2, 4, 3).eval()
    logits, attentions = parts(vit(draw(5, 1, 6, 6)), "logits", "attentions")
    return {"logits": logits, "attentions": attentions}


@check(todo="body", points=0.5, apart=BODY)
def gradients_reach_image_norm_and_head(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach the image, the final norm and the head, in training mode."""
    vit = transformer(module, draw, 2, 4, 2, 6, 1, 3, 7).train()
    image = draw(4, 2, 4, 4).requires_grad_()
    logits, _ = parts(vit(image), "logits", "attentions")
    inputs = {
        "the image": image,
        "normalization.weight": draw.parameter("normalization.weight"),
        "classification_head.weight": draw.parameter("classification_head.weight"),
    }
    return gradients({"logits": tensor(logits, "logits")}, inputs, draw)


@check(todo="body", points=0.5, apart=BODY)
def scores_of_each_image_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """An image gets the same scores alone as in a batch, in float32 as well."""
    with default_dtype(torch.float32):
        vit = transformer(module, draw, 1, 4, 2, 6, 1, 3, 7).eval()
        images = draw(4, 1, 4, 4)
        logits, _ = parts(vit(images), "logits", "attentions")
        alone, attentions = parts(vit(images[1:2]), "logits", "attentions")
        seen = {"logits": logits, "logits of one image alone": alone}
        return seen | {"attentions of one image alone": attentions}


@check(todo="body", points=0.25, apart=BODY, gpu=True)
def scores_are_where_the_image_is(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU scores and attentions come back on the device of the image, under autocast as well."""
    with default_dtype(torch.float32):
        vit = on_gpu(transformer(module, draw, 1, 4, 2, 6, 1, 3, 7).eval())
        images = draw(4, 1, 4, 4).to("cuda")
        logits, attentions = parts(vit(images), "logits", "attentions")
        lowered = alike_under_autocast(
            tensor(logits, "logits"), lambda: tensor(parts(vit(images), "logits", "")[0], "")
        )
        return {"logits": logits, "attentions": attentions} | lowered


@check(todo="given", points=0, gpu=True)
def given_code_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """What is given works on a GPU as it did."""
    other_block(module)
    makes: dict[str, Callable[[], nn.Module]] = {
        "MultiHeadAttention": lambda: module.MultiHeadAttention(6, 2, 0.2),
        "MLPBlock": lambda: module.MLPBlock(6, 2, 0.2),
        "EncoderModule": lambda: module.EncoderModule(6, 2, 2, 4, 0.2),
    }
    x = draw(3, 4, 6).to("cuda")
    seen = {name: place(lambda: on_gpu(make())(x)) for name, make in makes.items()}  # noqa: B023
    patches: Any = on_gpu(module.ImageEmbedding(2, 6, 3, 5))
    image = draw(3, 2, 6, 6).to("cuda")
    seen["embedded patches"] = place(lambda: patches.linear(patches.rearrange(image)))
    return {f"device of {name}": found for name, found in seen.items()}


@check(todo="given", points=0)
def given_attention(module: Any, draw: Draw) -> dict[str, Any]:
    """MultiHeadAttention is as it was given."""
    names: dict[str, tuple[int, ...]] = {}
    for part in ("query", "key", "value", "linear"):
        names |= {f"{part}.weight": (6, 6), f"{part}.bias": (6,)}
    mha = draw.build(lambda: module.MultiHeadAttention(6, 2, 0.2), names).eval()
    out, attention = parts(mha(draw(5, 4, 6)), "x", "attention")
    return {"x": out, "attention": attention}


@check(todo="given", points=0)
def given_mlp(module: Any, draw: Draw) -> dict[str, Any]:
    """MLPBlock is as it was given."""
    names = {"0.weight": (8, 4), "0.bias": (8,), "3.weight": (4, 8), "3.bias": (4,)}
    mlp = draw.build(lambda: module.MLPBlock(4, 2, 0.2), names).eval()
    return {"x": mlp(draw(2, 3, 4))}


@check(todo="given", points=0)
def given_stack_of_blocks(module: Any, draw: Draw) -> dict[str, Any]:
    """EncoderModule is as it was given: different blocks, each fed by the one before."""
    other_block(module)
    em = draw.build(lambda: module.EncoderModule(6, 3, 2, 4, 0.2), {}).eval()
    registered = {"parameters that are registered": len(list(em.parameters()))}
    if not any(registered.values()):  # so none was drawn, and what it gives is noise
        return registered
    x, attentions = parts(em(draw(2, 4, 6)), "x", "attentions")
    return registered | {"x": x, "attentions": attentions}


@check(todo="given", points=0)
def given_patches(module: Any, draw: Draw) -> dict[str, Any]:
    """ImageEmbedding cuts patches and embeds them as it was given."""
    model: Any = embedding(module, draw, 2, 6, 3, 5)
    linear, image = model.linear, draw(3, 2, 6, 6)
    model.linear = Recorder(linear)
    attempt(lambda: model(image))  # what comes after the patches is not looked at here
    patches = model.linear.given
    return {"embedded patches": linear(model.rearrange(image)) if patches is None else patches}


@clue(todo="cls_token", apart={"given": other_patches})
def tokens_of_sizes_that_hide_errors(module: Any, draw: Draw) -> dict[str, Any]:
    """A single image, a single patch, and a single feature: what is refused elsewhere fits there."""
    seen = {}
    for name, patch, d, batch in (("image", 3, 7, 1), ("patch", 6, 4, 3), ("feature", 6, 1, 3)):
        model, images = embedding(module, draw, 2, 6, patch, d), draw(batch, 2, 6, 6)
        seen[f"tokens with a single {name}"] = attempt(lambda: model(images))  # noqa: B023
    return seen


@clue(todo="encoder_block", apart={"given": other_sublayers})
def as_many_tokens_as_features(module: Any, draw: Draw) -> dict[str, Any]:
    """Where both are as many, a mistaken axis is not refused."""
    block, x = encoder_block(module, draw, 6, 2, 3).eval(), draw(6, 6, 6)
    return {"result": attempt(lambda: observed(block(x))["x"])}


@clue(todo="body", apart=BODY)
def as_many_tokens_as_features_and_classes(module: Any, draw: Draw) -> dict[str, Any]:
    """Where all are as many, a mistaken axis is not refused."""
    vit, images = transformer(module, draw, 1, 4, 2, 5, 2, 1, 5).eval(), draw(5, 1, 4, 4)
    return {"result": attempt(lambda: parts(vit(images), "logits", "attentions")[0])}


@clue(todo="cls_token", apart={"given": other_patches})
def what_the_model_knows_of(module: Any, draw: Draw) -> dict[str, Any]:
    """Whether class token and positions are parameters of the model."""
    embedding(module, draw, 2, 6, 3, 7)
    names = "cls_token", "positions"
    return {f"{name} is a parameter": draw.parameter(name) is not None for name in names}


@clue(todo="cls_token", apart={"given": other_patches}, gpu=True)
def what_a_gpu_refuses_of_the_tokens(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU where it meets the patches."""
    model, images = on_gpu(embedding(module, draw, 3, 4, 2, 5)), draw(6, 3, 4, 4).to("cuda")
    return refused_on_gpu(lambda: model(images), whole=6 * 5 * 5)


@clue(todo="encoder_block", apart={"given": other_sublayers}, gpu=True)
def what_a_gpu_refuses_of_the_block(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU where it meets z."""
    block, x = on_gpu(encoder_block(module, draw, 6, 3, 2).eval()), draw(2, 5, 6).to("cuda")
    return refused_on_gpu(lambda: block(x.requires_grad_()))


@clue(todo="body", apart=BODY, gpu=True)
def what_a_gpu_refuses_of_the_body(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU between the image and the scores."""
    vit = on_gpu(transformer(module, draw, 1, 4, 2, 6, 2, 3, 7).eval())
    images = draw(4, 1, 4, 4).to("cuda")
    return refused_on_gpu(lambda: vit(images))
