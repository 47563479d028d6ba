"""Checks for the adversarial autoencoder: the seven layers, each judged for itself.

All checks look at values that come out of a whole network, so that a model written without layer
objects is judged as well. Where another part is wrong, the layer in question is put into the
network as it was given, with stand-ins at the other six places.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from autograder.check import (
    REMARKS,
    Inseparable,
    check,
    distinct,
    gradients,
    marks,
    place,
    tensor,
)
from autograder.draw import Draw, default_dtype
from autograder.language import _
from autograder.named_gpu import NamedGPU, asked
from autograder.unmade import Unmade, unmade, wanted

CLASSES: dict[str, tuple[str, ...]] = {"Encoder": (), "Decoder": (), "Discriminator": ()}
FILES = ("adversarial_autoencoder",)
AXES = {
    "z": "batch latent_dim",
    "z of one image alone": "batch latent_dim",
    "img": "batch channel height width",
    "img of one code alone": "batch channel height width",
    "probability": "batch 1",
    "probability of one code alone": "batch 1",
    "probability of low scores": "batch 1",
    "probability of high scores": "batch 1",
    "gradient of z": "batch latent_dim",
    "gradient of the image": "batch sampled_pixel",
}

# Marks of stand-ins: which part to keep, a TODO's id or "given", and whether they may mix features.
ONLY, MIXING = "only this part", "features are mixed"


@dataclass(frozen=True)
class Slot:
    """A place in a network's list: what kind of layer stands there, and whose it is.

    `todo` is the id of a TODO, or "" for a layer that is given: then `make(latent_dim)` makes it.
    `width` is the number of features that come out of a linear layer, `like` the type of a layer
    that is given.
    """

    kind: str
    todo: str = ""
    make: Callable[[int], nn.Module] = lambda latent_dim: nn.Identity()
    width: int = 0
    like: type[nn.Module] | None = None


DROPOUT = Slot("dropout", make=lambda latent_dim: nn.Dropout(p=0.2), like=nn.Dropout)
RELU = Slot("activation", make=lambda latent_dim: nn.ReLU(), like=nn.ReLU)
LISTS: dict[str, Sequence[Slot]] = {
    "Encoder": (
        Slot("linear", make=lambda latent_dim: nn.Linear(1024, 512), width=512),
        Slot("dropout", "todo1"),
        Slot("activation", "todo2"),
        Slot("linear", "todo3", width=512),
        DROPOUT,
        RELU,
    ),
    "Decoder": (
        Slot("linear", make=lambda latent_dim: nn.Linear(latent_dim, 512), width=512),
        DROPOUT,
        RELU,
        Slot("linear", make=lambda latent_dim: nn.Linear(512, 512), width=512),
        Slot("norm", make=lambda latent_dim: nn.BatchNorm1d(512)),
        DROPOUT,
        RELU,
        Slot("linear", "todo4", width=1024),
        Slot("activation", make=lambda latent_dim: nn.Tanh(), like=nn.Tanh),
    ),
    "Discriminator": (
        Slot("linear", "todo5", width=512),
        DROPOUT,
        RELU,
        Slot("linear", make=lambda latent_dim: nn.Linear(512, 256), width=256),
        DROPOUT,
        RELU,
        Slot("linear", "todo6", width=1),
        Slot("activation", "todo7"),
    ),
}


GIVES = {"Encoder": "z", "Decoder": "img", "Discriminator": "probability"}
SIZES = {"Encoder": (1, 32, 32)}  # of what goes in, where that is no code
BIASES = (
    "model.3.bias",
    "model.7.bias",
    "model.0.bias",
    "model.6.bias",
)  # of the linear layers to write


class OtherWidth(nn.Module):
    """Stands in for a linear layer: repeats features up to a width, and sets each against its neighbour.

    One score is made of all features, each with a weight of its own: of a few, a ReLU may let none pass.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.shift = width, 0.0

    def forward(self, x: Tensor) -> Tensor:
        if self.width == 1:
            weights = torch.arange(1, x.size(-1) + 1).to(x).cos() * (2 / x.size(-1)) ** 0.5
            return (x * weights).sum(dim=-1, keepdim=True) + self.shift
        wide = x[..., torch.arange(self.width) % x.size(-1)]
        return wide - 0.5 * x.roll(1, -1)[..., torch.arange(self.width) % x.size(-1)] + self.shift


def only(part: str, *, mixing: bool = True) -> Callable[[ModuleType], None]:
    """Keep one part, a TODO's layer or the given ones, and put stand-ins in place of the rest.

    A dropout is judged by which features it drops: then nothing may mix them on their way.
    """

    def stand_in(module: ModuleType) -> None:
        marks(module)[ONLY], marks(module)[MIXING] = part, mixing
        if part != "given":
            vars(module)["reparameterization"] = lambda mu, logvar: mu

    return stand_in


def network_of(todo: str) -> str:
    """The network that a TODO is in."""
    return next(name for name, slots in LISTS.items() if any(slot.todo == todo for slot in slots))


def apart(todo: str) -> dict[str, Callable[[ModuleType], None]]:
    """The stand-ins for a check of one TODO: all other TODOs of the same list, and what is given."""
    others = [slot.todo for slot in LISTS[network_of(todo)] if slot.todo not in ("", todo)]
    return dict.fromkeys([*others, "given"], only(todo, mixing=todo != "todo1"))


def network(module: Any, draw: Draw, name: str, latent_dim: int, todo: str) -> nn.Module:
    """Encoder, Decoder or Discriminator with drawn weights, to judge one TODO (or "given") in it."""
    names: dict[str, dict[str, tuple[int, ...]]] = {
        "Encoder": {
            **linear("model.0", 1024, 512),
            **linear("model.3", 512, 512),
            **linear("mu", 512, latent_dim),
            **linear("logvar", 512, latent_dim),
        },
        "Decoder": {
            **linear("model.0", latent_dim, 512),
            **linear("model.3", 512, 512),
            "model.4.weight": (512,),
            "model.4.bias": (512,),
            **linear("model.7", 512, 1024),
        },
        "Discriminator": {
            **linear("model.0", latent_dim, 512),
            **linear("model.3", 512, 256),
            **linear("model.6", 256, 1),
        },
    }

    def make() -> nn.Module:
        part = marks(module).get(ONLY)
        model = made(module, name, latent_dim, part) if part else getattr(module, name)(latent_dim)
        lazy = [p for p in model.parameters() if isinstance(p, nn.UninitializedParameter)]
        if lazy:
            # Lazy layers take their sizes from the first input.
            x = torch.zeros(1, *SIZES.get(name, (latent_dim,)), device=lazy[0].device)
            model.to(x.device).eval()(x)
            model.train()
        if todo in untouched(model, name):
            raise NotImplementedError(f"TODO {todo}")
        if part:
            if (layers := layers_of(model)) is None:
                sentence = _(
                    "{name}.model is not a list of layers, so that its parts cannot be judged "
                    "apart from each other; something in it is wrong"
                )
                raise Inseparable(sentence.format(name=name))
            slots, mixing = LISTS[name], marks(module)[MIXING]
            owned = owners(layers, align(layers, slots), slots)
            for slot, own in zip(slots, owned, strict=True):
                for layer in own:
                    if not slot.todo and isinstance(layer, Unmade):
                        raise layer.error  # so that nothing of it could be made
            kept = [
                layer
                for place, slot in enumerate(slots)
                for layer in keep(part, slot, owned[place], latent_dim, mixing=mixing)
            ]
            model.model = nn.Sequential(*kept)
        return model

    return draw.build(make, names[name])


def made(module: Any, name: str, latent_dim: int, part: str) -> Any:
    """A network of which one part is judged: also one of which another TODO's layer cannot be made, or
    names a GPU where there is none. Raises what it raises wherever else one is named."""
    if torch.cuda.is_available():
        with unmade():
            return getattr(module, name)(latent_dim)
    with unmade(), NamedGPU() as gpu:
        model = getattr(module, name)(latent_dim)
    if gpu.named:
        places = align(layers_of(model) or [], LISTS[name])
        others = {slot.todo for slot in LISTS[name]} - {"", part}
        elsewhere = {id(p) for todo in others & places.keys() for p in places[todo].parameters()}
        made_there = asked(model)
        if not made_there or not elsewhere.issuperset(map(id, made_there)):
            with unmade():
                return getattr(module, name)(latent_dim)
    return model


def untouched(model: nn.Module, name: str) -> set[str]:
    """The TODOs of a network whose place still holds what the stub has there."""
    layers = layers_of(model)
    places = {} if layers is None else align(layers, LISTS[name])
    return {slot.todo for slot in LISTS[name] if isinstance(places.get(slot.todo), nn.Identity)}


def linear(name: str, n_in: int, n_out: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def keep(
    part: str, slot: Slot, layers: list[nn.Module], latent_dim: int, *, mixing: bool
) -> list[nn.Module]:
    """What goes to a place when only one part is kept; `layers` is what the student has there."""
    if part == (slot.todo or "given"):
        return layers
    if not slot.todo:
        return [slot.make(latent_dim)]
    return [OtherWidth(slot.width) if slot.width and mixing else nn.Identity()]


def owners(
    layers: Sequence[nn.Module], places: dict[Any, nn.Module], slots: Sequence[Slot]
) -> list[list[nn.Module]]:
    """The student's layers at each place. One too many goes to a TODO beside it, if there is one."""
    places_of: dict[int, list[int]] = {}  # one dropout, say, may stand at several
    for number in range(len(slots)):
        if number in places:
            places_of.setdefault(id(places[number]), []).append(number)
    at = [places_of[id(one)].pop(0) if places_of.get(id(one)) else None for one in layers]

    def beside(position: int, others: Iterable[int]) -> int | None:
        """The nearest place. Of two activations alike in a row, which is too many is not known: the one
        that is given is passed over."""
        layer = layers[position]
        for other in others:
            twice = type(layers[other]) is type(layer) and kind_of(layer) == "activation"
            if (there := at[other]) is not None and (slots[there].todo or not twice):
                return there
        return None

    owned: list[list[nn.Module]] = [[] for _ in slots]
    for position, (layer, owner) in enumerate(zip(layers, at, strict=True)):
        if owner is None:
            around = [range(position - 1, -1, -1), range(position + 1, len(layers))]
            near = [p for side in around if (p := beside(position, side)) is not None]
            todos = [p for p in near if slots[p].todo]
            alike = [p for p in todos if slots[p].kind == kind_of(layer)]
            owner = (alike or todos or near or [0])[0]
        owned[owner].append(layer)
    return owned


def layers_of(model: Any) -> list[nn.Module] | None:
    """The layers of `.model`, or None for a model that is written otherwise."""
    layers = getattr(model, "model", None)
    if not isinstance(layers, nn.Sequential | nn.ModuleList):
        return None
    waiting, found = list(layers), []
    while waiting:
        layer = waiting.pop(0)
        if isinstance(layer, nn.Sequential):
            waiting[:0] = layer
        else:
            found.append(layer)
    return found


def kind_of(layer: nn.Module) -> str:
    kind = wanted(layer)
    if issubclass(kind, nn.Linear):
        return "linear"
    if issubclass(kind, nn.modules.dropout._DropoutNd):
        return "dropout"
    if issubclass(kind, nn.modules.batchnorm._NormBase):
        return "norm"
    if issubclass(kind, nn.Flatten | nn.Unflatten):
        return "shape"
    return "identity" if issubclass(kind, nn.Identity) else "activation"


def align(layers: Sequence[nn.Module], slots: Sequence[Slot]) -> dict[Any, nn.Module]:
    """Match a student's layers to the places of the list, by place and (where it is one) by TODO.

    An alignment of least cost, so that a line that is missing or too many does not shift the blame
    to its neighbours. Dropout and activation may be swapped: their order makes no difference.
    """
    rows, columns = len(layers) + 1, len(slots) + 1
    kinds = [kind_of(layer) for layer in layers]
    if len(layers) == len(slots) and all(map(fits, kinds, layers, slots)):
        found: dict[Any, nn.Module] = dict(enumerate(layers))
        return found | {s.todo: layer for s, layer in zip(slots, layers, strict=True) if s.todo}
    cost = [[0.0] * columns for _ in range(rows)]
    step: list[list[tuple[int, int]]] = [[(0, 0)] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            options: list[tuple[float, tuple[int, int]]] = []
            if i and j:
                differ = mismatch(kinds[i - 1], layers[i - 1], slots[j - 1])
                options.append((cost[i - 1][j - 1] + differ, (1, 1)))
            if i > 1 and j > 1 and swapped(kinds[i - 2 : i], slots[j - 2 : j]):
                options.append((cost[i - 2][j - 2] + 0.25, (2, 2)))
            if i:
                # Of layers too many, the later ones are: a trifle cheaper the further on.
                options.append((cost[i - 1][j] + 1 - 0.001 * j, (1, 0)))
            if j:
                options.append((cost[i][j - 1] + 1, (0, 1)))
            if options:
                cost[i][j], step[i][j] = min(options, key=lambda option: option[0])
    found = {}
    i, j = len(layers), len(slots)
    while i or j:
        pairs = {(1, 1): [(1, 1)], (2, 2): [(1, 2), (2, 1)]}.get(step[i][j], [])
        for back_i, back_j in pairs:
            found[j - back_j] = layers[i - back_i]
            if todo := slots[j - back_j].todo:
                found[todo] = layers[i - back_i]
        i, j = i - step[i][j][0], j - step[i][j][1]
    return found


def fits(kind: str, layer: nn.Module, slot: Slot) -> bool:
    return mismatch(kind, layer, slot) < 0.2


def mismatch(kind: str, layer: nn.Module, slot: Slot) -> float:
    if kind == "identity":
        return 0.1 if slot.todo else 1.5
    if kind != slot.kind:
        return 1.5
    if isinstance(layer, nn.Linear) and layer.out_features != slot.width:
        return 0.3
    if slot.like and wanted(layer) is not slot.like:
        return 0.2
    return 0.05 if slot.todo else 0.0  # where both fit, a layer is one that was given


def swapped(kinds: Sequence[str], slots: Sequence[Slot]) -> bool:
    places = [slot.kind for slot in slots]
    return places == ["dropout", "activation"] and kinds == ["activation", "dropout"]


def outcome(
    module: Any,
    draw: Draw,
    name: str,
    todo: str,
    *,
    latent_dim: int,
    batch: int,
    bias: str = "",
    alone: bool = False,
) -> dict[str, Any]:
    """What a network gives in evaluation and without noise.

    With it, what one of the batch gets alone, or the gradients of the input and of a bias.
    """
    gives, one = GIVES[name], "image" if name == "Encoder" else "code"
    run = alone_as_well if alone else with_gradients
    seen = run_once(module, draw, name, todo, latent_dim, batch, run)
    wanted = [gives, f"{gives} of one {one} alone", f"gradient of {bias}"]
    wanted.append("gradient of the image" if name == "Encoder" else "gradient of z")
    if todo == "todo7":
        wanted += [f"{gives} of low scores", f"{gives} of high scores"]
    if todo in ("todo4", "todo6", "todo7"):
        wanted.append(f"some of {gives} is dropped in training")
    return {key: value for key, value in seen.items() if key in wanted}


def outcome_on_gpu(module: Any, draw: Draw, todo: str) -> dict[str, Any]:
    """What a network gives on a GPU, in evaluation and without noise."""
    name = network_of(todo)
    with default_dtype(torch.float32):
        # Of a few scores all may be too small for an answer that is alike there to differ.
        batch = 12 if name == "Discriminator" else 2
        seen = run_once(module, draw, name, todo, 3, batch, run_on_gpu)
    return {GIVES[name]: returned(module, seen[GIVES[name]], seen.get(LEFT))}


def returned(module: Any, out: Tensor, left: Any = None) -> Tensor:
    """What came back on a GPU; apart from code that is given and has sent it away, as if it had not.

    `left`: what came out of the layers, where that is known.
    """
    sent_away = ONLY in marks(module) and (not isinstance(left, Tensor) or left.is_cuda)
    return out.to("cuda") if sent_away else out


LEFT = "what leaves the layers"
Run = Callable[[str, nn.Module, Tensor, Draw], dict[str, Any]]

# Of each module what its networks showed as they are, and which TODOs are untouched in them.
_shown: WeakKeyDictionary[ModuleType, dict[Any, tuple[dict[str, Any], set[str]]]]
_shown = WeakKeyDictionary()


def run_once(
    module: Any, draw: Draw, name: str, todo: str, latent_dim: int, batch: int, run: Run
) -> dict[str, Any]:
    """What `run` sees of a network.

    As it is, it shows the same to each of its TODOs, and is run once for them all: to build it takes
    most of a check's time.
    """
    draw = draw.named(f"{name}, {latent_dim}, {batch}")

    def seen() -> tuple[dict[str, Any], set[str]]:
        model = network(module, draw, name, latent_dim, todo)
        x = draw(batch, *SIZES.get(name, (latent_dim,)), scale=3)
        return run(name, model, x, draw), untouched(model, name)

    if ONLY in marks(module):
        return seen()[0]
    known = _shown.setdefault(module, {})
    # An answer may be random, or depend on the dtype.
    key = name, latent_dim, batch, run, draw.seed, torch.initial_seed(), torch.get_default_dtype()
    if key not in known:
        known[key] = seen()
    shown, missing = known[key]
    if todo in missing:
        raise NotImplementedError(f"TODO {todo}")
    return shown


def with_gradients(name: str, model: nn.Module, x: Tensor, draw: Draw) -> dict[str, Any]:
    """The result, and the gradients of the input and of the biases of the TODOs."""
    model.eval()
    silence_noise(draw)
    out = tensor(model(x.requires_grad_()), GIVES[name])
    inputs: dict[str, Tensor | None] = {"the image" if name == "Encoder" else "z": x}
    inputs |= {bias: draw.parameter(bias) for bias in BIASES}
    found = gradients({GIVES[name]: out}, inputs, draw)
    if isinstance(pixels := found.get("gradient of the image"), Tensor):
        found["gradient of the image"] = pixels.flatten(1)[:, ::37]  # enough to compare
    return {GIVES[name]: out, **found}


def alone_as_well(name: str, model: nn.Module, x: Tensor, draw: Draw) -> dict[str, Any]:
    """The result, and what one of the batch gets alone; probabilities also far from the middle."""
    model.eval()
    silence_noise(draw)
    gives, one = GIVES[name], "image" if name == "Encoder" else "code"
    seen = {gives: tensor(model(x), gives), f"{gives} of one {one} alone": model(x[1:2])}
    if name == "Discriminator":
        # Far from the middle, where answers that are alike there differ.
        for label, shift in (("low", -5.0), ("high", 5.0)):
            draw.put("model.6.bias", shift)
            for layer in model.modules():
                if isinstance(layer, OtherWidth) and layer.width == 1:
                    layer.shift = shift
            seen[f"{gives} of {label} scores"] = model(x)
    if name != "Encoder":
        model.train()
        out = model(x if name == "Decoder" else x.repeat(9, 1))  # 99: one is dropped almost surely
        # What a score of 0 gives, and 0 itself.
        nothing = (0, 0.5) if name == "Discriminator" else (0,)
        seen[f"some of {gives} is dropped in training"] = any(
            bool((out == n).any()) for n in nothing
        )
    return seen


def run_on_gpu(name: str, model: nn.Module, x: Tensor, draw: Draw) -> dict[str, Any]:
    """The result on a GPU."""
    model.to("cuda").eval()
    silence_noise(draw)
    seen: dict[str, Any] = {}
    if isinstance(layers := getattr(model, "model", None), nn.Sequential):
        layers.register_forward_hook(lambda _layers, _given, left: seen.update({LEFT: left}))
    seen[GIVES[name]] = tensor(model(x.to("cuda")), GIVES[name])
    return seen


def silence_noise(draw: Draw) -> None:
    """Make σ as good as 0, so that z is mu, whatever the noise is drawn with."""
    draw.put("logvar.weight", 0.0)
    draw.put("logvar.bias", -80.0)


def factors(
    module: Any, draw: Draw, todo: str, latent_dim: int, batch: int, device: str = "cpu"
) -> tuple[Tensor, Tensor, nn.Module]:
    """z of an encoder that passes its first features through, in evaluation and in training.

    In float32: a matrix that passes 512 features through takes long enough to write as it is.
    """
    with default_dtype(torch.float32):
        return _factors(module, draw, todo, latent_dim, batch, device)


def _factors(
    module: Any, draw: Draw, todo: str, latent_dim: int, batch: int, device: str
) -> tuple[Tensor, Tensor, nn.Module]:
    model = network(module, draw, "Encoder", latent_dim, todo)
    silence_noise(draw)
    # Features between 1 and 3: a ReLU, also one with a limit, lets them all pass.
    draw.put("model.0.bias", 2.0)
    for name in ("model.3.weight", "mu.weight"):
        if (weight := draw.parameter(name)) is not None:
            draw.put(name, torch.eye(*weight.shape))
    draw.put("model.3.bias", 0.0)
    draw.put("mu.bias", 0.0)
    img = draw(batch, 1, 32, 32, scale=0.2).to(device)
    model.to(device).eval()
    z = tensor(model(img), "z")
    model.train()
    return z, tensor(model(img), "z"), model


@check(todo="todo1", points=0.5, apart=apart("todo1"))
def todo1_drops_a_fifth(module: Any, draw: Draw) -> dict[str, Any]:
    """Dropout: in training a fifth of the features is 0 and the rest grows; evaluation is left alone."""
    z, trained, model = factors(module, draw, "todo1", 20, 12)
    remarks = []
    kinds = [kind_of(layer) for layer in layers_of(model) or []]
    if kinds[1:3] == ["activation", "dropout"]:
        remarks.append(
            _("TODO 1 and TODO 2 stand in the other order; with ReLU that gives the same numbers.")
        )
    return {
        "z": z,
        "features in training, as multiples of those in evaluation": distinct(trained / z),
        REMARKS: remarks,
    }


@check(todo="todo1", points=0.4, apart=apart("todo1"))
def todo1_drops_features_one_by_one(module: Any, draw: Draw) -> dict[str, Any]:
    """Dropout drops each feature on its own."""
    z, trained, model = factors(module, draw, "todo1", 16, 15)
    others = [
        type(layer).__name__
        for layer in model.modules()
        if kind_of(layer) == "dropout" and not isinstance(layer, nn.Dropout)
    ]
    return {
        "z": z,
        "features in training, as multiples of those in evaluation": distinct(trained / z),
        "layers that drop whole channels": ", ".join(others),
    }


@check(todo="todo1", points=0.1, apart=apart("todo1"), gpu=True)
def todo1_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU, in training as well."""
    z, trained, _model = factors(module, draw, "todo1", 18, 11, "cuda")
    return {
        "z": returned(module, z),
        "features in training, as multiples of those in evaluation": distinct(trained / z),
    }


@check(todo="todo2", points=0.5, apart=apart("todo2"))
def todo2_is_a_relu(module: Any, draw: Draw) -> dict[str, Any]:
    """ReLU: the code z of an image, and its gradient."""
    return outcome(module, draw, "Encoder", "todo2", latent_dim=7, batch=3)


@check(todo="todo2", points=0.4, apart=apart("todo2"))
def todo2_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Encoder", "todo2", latent_dim=4, batch=5, alone=True)


@check(todo="todo2", points=0.1, apart=apart("todo2"), gpu=True)
def todo2_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo2")


@check(todo="todo3", points=0.5, apart=apart("todo3"))
def todo3_keeps_the_number_of_features(module: Any, draw: Draw) -> dict[str, Any]:
    """Linear layer: the code z of an image, and its gradients."""
    return outcome(module, draw, "Encoder", "todo3", latent_dim=7, batch=3, bias="model.3.bias")


@check(todo="todo3", points=0.4, apart=apart("todo3"))
def todo3_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Encoder", "todo3", latent_dim=4, batch=5, alone=True)


@check(todo="todo3", points=0.1, apart=apart("todo3"), gpu=True)
def todo3_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo3")


@check(todo="todo4", points=0.5, apart=apart("todo4"))
def todo4_gives_every_pixel(module: Any, draw: Draw) -> dict[str, Any]:
    """Linear layer: the image of a code z, and its gradients."""
    return outcome(module, draw, "Decoder", "todo4", latent_dim=7, batch=2, bias="model.7.bias")


@check(todo="todo4", points=0.4, apart=apart("todo4"))
def todo4_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Decoder", "todo4", latent_dim=4, batch=5, alone=True)


@check(todo="todo4", points=0.1, apart=apart("todo4"), gpu=True)
def todo4_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo4")


@check(todo="todo5", points=0.5, apart=apart("todo5"))
def todo5_takes_the_code(module: Any, draw: Draw) -> dict[str, Any]:
    """Linear layer: the probability of a code z, and its gradients."""
    return outcome(
        module, draw, "Discriminator", "todo5", latent_dim=7, batch=12, bias="model.0.bias"
    )


@check(todo="todo5", points=0.4, apart=apart("todo5"))
def todo5_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Discriminator", "todo5", latent_dim=4, batch=11, alone=True)


@check(todo="todo5", points=0.1, apart=apart("todo5"), gpu=True)
def todo5_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo5")


@check(todo="todo6", points=0.5, apart=apart("todo6"))
def todo6_gives_one_score(module: Any, draw: Draw) -> dict[str, Any]:
    """Linear layer: the probability of a code z, and its gradients."""
    return outcome(
        module, draw, "Discriminator", "todo6", latent_dim=7, batch=12, bias="model.6.bias"
    )


@check(todo="todo6", points=0.4, apart=apart("todo6"))
def todo6_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Discriminator", "todo6", latent_dim=4, batch=11, alone=True)


@check(todo="todo6", points=0.1, apart=apart("todo6"), gpu=True)
def todo6_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo6")


@check(todo="todo7", points=0.5, apart=apart("todo7"))
def todo7_is_a_sigmoid(module: Any, draw: Draw) -> dict[str, Any]:
    """Sigmoid: the probability of a code z, and its gradient."""
    return outcome(module, draw, "Discriminator", "todo7", latent_dim=7, batch=12)


@check(todo="todo7", points=0.4, apart=apart("todo7"))
def todo7_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Another latent_dim and batch, one of the batch alone, in float32."""
    with default_dtype(torch.float32):
        return outcome(module, draw, "Discriminator", "todo7", latent_dim=4, batch=11, alone=True)


@check(todo="todo7", points=0.1, apart=apart("todo7"), gpu=True)
def todo7_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """The layer works on a GPU."""
    return outcome_on_gpu(module, draw, "todo7")


def given(*todos: str) -> dict[str, Callable[[ModuleType], None]]:
    return dict.fromkeys(todos, only("given"))


@check(todo="given", points=0, apart=given("todo1", "todo2", "todo3"))
def given_encoder(module: Any, draw: Draw) -> dict[str, Any]:
    """What is given of the Encoder is as it was."""
    return outcome(module, draw, "Encoder", "given", latent_dim=5, batch=2)


@check(
    todo="given",
    points=0,
    apart=dict.fromkeys(("todo1", "todo2", "todo3"), only("given", mixing=False)),
)
def given_dropout_of_the_encoder(module: Any, draw: Draw) -> dict[str, Any]:
    """The dropout that is given in the Encoder is as it was."""
    z, trained, _ = factors(module, draw, "given", 20, 12)
    return {"features in training, as multiples of those in evaluation": distinct(trained / z)}


@check(todo="given", points=0, apart=given("todo4"))
def given_decoder(module: Any, draw: Draw) -> dict[str, Any]:
    """What is given of the Decoder is as it was."""
    return outcome(module, draw, "Decoder", "given", latent_dim=5, batch=2)


@check(todo="given", points=0, apart=given("todo5", "todo6", "todo7"))
def given_discriminator(module: Any, draw: Draw) -> dict[str, Any]:
    """What is given of the Discriminator is as it was."""
    return outcome(module, draw, "Discriminator", "given", latent_dim=5, batch=12)


@check(todo="given", points=0, always=True)
def given_noise(module: Any, draw: Draw) -> dict[str, Any]:
    """reparameterization is as it was given: mu + σ · noise, with σ = exp(logvar / 2)."""
    seen: dict[str, Any] = {}
    for logvar in (2.0, -2.0):
        mu = torch.full((1024, 8), 3.0)
        z = tensor(module.reparameterization(mu, torch.full_like(mu, logvar)), "z")
        again = tensor(module.reparameterization(mu, torch.full_like(mu, logvar)), "z")
        # Rounded: the noise may come from anywhere, and is other noise each time.
        spread = z.std(dim=0).mean()
        inside = (z - z.mean()).abs() < spread
        seen |= {
            f"mean of z, where mu is 3 and logvar {logvar:g}": round(z.mean().item()),
            f"log σ as a multiple of logvar, where that is {logvar:g}": (
                round(spread.log().item() / logvar, 1) if spread > 0 else _("there is no noise")
            ),
            f"share of z within σ, where logvar is {logvar:g}": round(
                inside.double().mean().item(), 1
            ),
            f"noise is drawn anew, where logvar is {logvar:g}": not torch.equal(z, again),
        }
    return seen


@check(todo="given", points=0, always=True, gpu=True)
def given_noise_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU the noise is drawn on the device of mu, or moved there."""
    with default_dtype(torch.float32):
        mu = draw(4, 3).to("cuda")
        return {"device of z, from mu and logvar": place(lambda: module.reparameterization(mu, mu))}


@check(todo="given", points=0, gpu=True)
def given_networks_on_a_gpu(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU each network gives its result on the device of its input."""
    only("given")(module)
    seen = {}
    for name, gives in GIVES.items():
        x = draw(4, *SIZES.get(name, (3,))).to("cuda")
        try:
            model = network(module, draw, name, 3, "given")
        except Exception as error:  # it says nothing of the device
            raise Inseparable(_("{name} cannot be made").format(name=name)) from error
        seen[f"device of {gives}"] = place(lambda: model.to("cuda")(x))  # noqa: B023
    return seen
