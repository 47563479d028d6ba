"""Checks for the LSTM classifier: its initial states, and what it reads the classes from."""

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from autograder.check import (
    RAISES,
    REMARKS,
    Unexpected,
    alike_under_autocast,
    attempt,
    check,
    clue,
    given_to_linear,
    gradients,
    marks,
    on_gpu,
    tensor,
)
from autograder.draw import Draw, default_dtype
from autograder.language import _
from autograder.named_gpu import NamedGPU
from autograder.origins import KEPT, UNSEEN, Origins, refused_on_gpu

CLASSES = {"LSTMClassifier": ("RecurrentNeuralNetworkClass",)}
FILES = ("rnn", "lstm_classifier")
AXES = {
    "h0": "layer batch hdim",
    "c0": "layer batch hdim",
    "out of self.rnn": "batch time hdim",
    "h0 for the next batch": "layer batch hdim",
    "c0 for the next batch": "layer batch hdim",
    "out of self.rnn for the next batch": "batch time hdim",
    "h0 for a smaller batch": "layer batch hdim",
    "c0 for a smaller batch": "layer batch hdim",
    "out of self.rnn for a smaller batch": "batch time hdim",
    "logits": "batch class",
    "logits of one image alone": "batch class",
    "logits in evaluation": "batch class",
    "gradient of x": "batch time xdim",
    "gradient of lin.weight": "class hdim",
    "gradient of weight_hh_l1": "gate hdim",
    "gradient of lin.bias": "class",
}

UNINITIALISED = torch.empty, torch.empty_like, Tensor.new_empty
STATES_IGNORED = "states are ignored"  # a mark of a stand-in


class WatchedLSTM(nn.LSTM):
    """An LSTM that remembers the states it was called with first, and all that it gave."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        watch: Watch = vars(self)["watch"]
        watch.off = True
        if not watch.outs:
            watch.hx = hx
        out, last = super().forward(input, hx)
        watch.outs.append(out)
        return out.clone(), last  # what comes after may change it in place


class ForgetfulLSTM(nn.LSTM):
    """An LSTM that starts from nothing, whatever states it is given, and on whatever GPU they are.

    What comes after it is judged as it is.
    """

    def forward(self, input: Any, *states: Any, **named_states: Any) -> Any:
        vars(self)["before"].off = True
        return super().forward(input)


def before_the_lstm(model: nn.Module) -> NamedGPU:
    """Is on from the start of each call of the model, for the states."""
    mode = NamedGPU()

    def start(*_call: Any) -> None:
        mode.off = torch.cuda.is_available()
        mode.__enter__()

    model.register_forward_pre_hook(start)
    model.register_forward_hook(lambda *_call: mode.__exit__(None, None, None), always_call=True)
    return mode


class Watch(TorchFunctionMode):
    """Sees the tensors that are made until the LSTM is called, and what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Tensor] = []
        self.off = False
        self.hx: Any = None
        self.outs: list[Tensor] = []  # more than one where an answer goes step by step

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in UNINITIALISED:
            result.fill_(7)  # what happens to be there may be zeros
        if not self.off and type(result) is torch.Tensor:
            self.made.append(result)
        return result


def ignore_states(module: ModuleType) -> None:
    """Stands in for h0_c0: the LSTM starts from nothing, whatever it is handed."""
    marks(module)[STATES_IGNORED] = True


def classifier(module: Any, draw: Draw, *sizes: int) -> nn.Module:
    """A classifier of the sizes (xdim, hdim, ydim, n_layer) with drawn weights."""
    xdim, hdim, ydim, n_layer = sizes
    names: dict[str, tuple[int, ...]] = {}
    for k in range(n_layer):
        names[f"rnn.weight_ih_l{k}"] = (4 * hdim, hdim if k else xdim)
        names[f"rnn.weight_hh_l{k}"] = (4 * hdim, hdim)
        names[f"rnn.bias_ih_l{k}"] = (4 * hdim,)
        names[f"rnn.bias_hh_l{k}"] = (4 * hdim,)
    names |= {"lin.weight": (ydim, hdim), "lin.bias": (ydim,)}
    model = draw.build(lambda: module.LSTMClassifier(xdim, hdim, ydim, n_layer), names)
    if STATES_IGNORED in marks(module):
        before = before_the_lstm(model)
        for lstm in lstms(model):
            lstm.__class__ = ForgetfulLSTM
            vars(lstm)["before"] = before
    return model


def lstms(model: nn.Module) -> list[nn.LSTM]:
    return [layer for layer in model.modules() if isinstance(layer, nn.LSTM)]


def states(
    model: nn.Module, x: Tensor, suffix: str = "", *, refused: bool = False
) -> dict[str, Any]:
    """Run the model, and see the states that its LSTM starts from and what the LSTM gives.

    With `refused`, the states are seen also where the LSTM does not take them.
    """
    found = lstms(model)
    if not found:
        raise Unexpected(_("the model holds no nn.LSTM; keep the stub's self.rnn"))
    rnn = found[0]
    watch = Watch()
    rnn.__class__ = WatchedLSTM
    vars(rnn)["watch"] = watch
    try:
        with watch:
            model(x)
    except Exception:
        # What comes after the LSTM is not this TODO's concern.
        if not (watch.outs or (refused and watch.hx is not None)):
            raise
    if not (watch.outs or (refused and watch.hx is not None)):
        raise Unexpected(_("forward() never called self.rnn"))
    remarks = []
    hx = watch.hx
    if hx is None:
        # PyTorch's own default is zeros too: an answer that builds them and forgets them is right
        # by luck. One that builds none has not done the TODO.
        shape = (rnn.num_layers, x.size(0), rnn.hidden_size)
        built = [made for made in watch.made if made.shape == shape]
        if not built:
            raise Unexpected(_("self.rnn was called without states; the TODO asks for h0 and c0"))
        hx = built[0], built[-1]
        remarks.append(_("You built h0 and c0, but did not hand them to self.rnn."))
    if not (isinstance(hx, tuple | list) and len(hx) == 2):
        raise Unexpected(_("self.rnn was not given a pair of states (h0, c0)"))
    seen = {"h0": hx[0], "c0": hx[1]}
    seen["out of self.rnn"] = torch.cat(watch.outs, dim=1) if watch.outs else None
    return {f"{name}{suffix}": value for name, value in seen.items()} | {REMARKS: remarks}


@check(todo="h0_c0", points=0.75)
def starts_from_zero_states(module: Any, draw: Draw) -> dict[str, Any]:
    """The LSTM starts from zero states of the right shape, and goes on from them."""
    with default_dtype(torch.float32):  # so that a fixed dtype costs one check, not all
        model = classifier(module, draw, 6, 5, 4, 3)
        return states(model, draw(2, 7, 6))


@check(todo="h0_c0", points=0.75)
def states_follow_the_batch(module: Any, draw: Draw) -> dict[str, Any]:
    """The states fit every batch, also a smaller last one, and nothing is left from the batch before."""
    with default_dtype(torch.float32):
        model = classifier(module, draw, 3, 8, 6, 2)
        first = states(model, draw(5, 4, 3))
        same = states(model, draw(5, 4, 3), " for the next batch")
        return first | same | states(model, draw(1, 4, 3), " for a smaller batch")


@check(todo="h0_c0", points=0.5)
def states_keep_the_dtype(module: Any, draw: Draw) -> dict[str, Any]:
    """In float64 the states are float64: they have the dtype of x, whichever it is."""
    model = classifier(module, draw, 4, 6, 5, 2)
    return states(model, draw(3, 7, 4))


@check(todo="h0_c0", points=0.5)
def gradients_pass_through_the_lstm(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach x and the recurrent weights through the states."""
    with default_dtype(torch.float32):
        model = classifier(module, draw, 5, 4, 3, 2)
        x = draw(6, 7, 5).requires_grad_()
        seen = states(model, x)
        out = seen["out of self.rnn"]
        recurrent = {"x": x, "weight_hh_l1": draw.parameter("rnn.weight_hh_l1")}
        return {"h0": seen["h0"], "c0": seen["c0"], **gradients({"out": out}, recurrent, draw)}


@check(todo="last_step", points=1, apart={"h0_c0": ignore_states})
def scores_come_from_the_last_step(module: Any, draw: Draw) -> dict[str, Any]:
    """The class scores are the linear layer of the top layer's last step."""
    model = classifier(module, draw, 6, 5, 4, 3)
    return {"logits": model(draw(2, 7, 6))}


@check(todo="h0_c0", points=0.5, gpu=True)
def states_are_where_x_is(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU the states are on the device of x."""
    with default_dtype(torch.float32):
        model = on_gpu(classifier(module, draw, 5, 4, 3, 2))
        x = draw(6, 7, 5).to("cuda")
        seen = states(model, x, refused=True)
        if seen["out of self.rnn"] is None:
            return seen
        with torch.autocast("cuda"):
            lowered = states(model, x)["out of self.rnn"]
        return seen | {"device of out of self.rnn under autocast": str(lowered.device)}


@check(todo="last_step", points=0.75, apart={"h0_c0": ignore_states})
def scores_for_other_sizes(module: Any, draw: Draw) -> dict[str, Any]:
    """Other sizes of everything."""
    model = classifier(module, draw, 3, 7, 6, 2)
    return {"logits": model(draw(5, 4, 3))}


@check(todo="last_step", points=0.5, apart={"h0_c0": ignore_states})
def gradients_of_the_scores(module: Any, draw: Draw) -> dict[str, Any]:
    """Gradients reach every step of x, and the linear layer."""
    model = classifier(module, draw, 5, 4, 3, 2)
    x = draw(6, 7, 5).requires_grad_()
    logits = tensor(model(x), "logits")
    inputs = {"x": x} | {name: draw.parameter(name) for name in ("lin.weight", "lin.bias")}
    return gradients({"logits": logits}, inputs, draw)


@check(todo="last_step", points=0.5, apart={"h0_c0": ignore_states})
def each_image_by_itself(module: Any, draw: Draw) -> dict[str, Any]:
    """An image gets the same scores alone as in a batch, in float32 and in evaluation as well."""
    with default_dtype(torch.float32):
        model = classifier(module, draw, 4, 6, 5, 1)
        x = draw(2, 7, 4, scale=3)
        seen = {"logits": model(x), "logits of one image alone": model(x[1:2])}
        return seen | {"logits in evaluation": model.eval()(x)}


@check(todo="last_step", points=0.25, apart={"h0_c0": ignore_states}, gpu=True)
def scores_are_where_x_is(module: Any, draw: Draw) -> dict[str, Any]:
    """On a GPU the scores come back on the device of x, under autocast as well."""
    with default_dtype(torch.float32):
        model = on_gpu(classifier(module, draw, 4, 6, 5, 2))
        x = draw(3, 7, 4, scale=3).to("cuda")
        logits = tensor(model(x), "logits")
        lowered = alike_under_autocast(logits, lambda: tensor(model(x), "logits"))
        return {"logits": logits} | lowered


@clue(todo="h0_c0")
def axes_of_the_states(module: Any, draw: Draw) -> dict[str, Any]:
    """What each axis of the states counts, also where the LSTM refuses them."""
    # No two sizes alike, none the same in both runs, and none that one would write as a number.
    names = "xdim", "hdim", "ydim", "n_layer", "batch", "time", "2 n_layer"
    runs = (13, 17, 11, 2, 37, 19, 4), (31, 23, 43, 3, 41, 29, 6)
    shapes = [[*states_handed_over(module, draw, *sizes[:6])] for sizes in runs]

    def name_of(*found: int) -> str:
        for name, *sizes in zip(names, *runs, strict=True):
            if [*found] == sizes:
                return name
        return "a number" if found[0] == found[1] else "something else"

    pairs = zip(("h0", "c0"), *shapes, strict=False)
    found: dict[str, Any] = {name: list(map(name_of, *two)) for name, *two in pairs}
    # That they never came so far tells nothing of why.
    return dict.fromkeys(("h0", "c0"), f"{RAISES}before it is handed over") | found


@clue(todo="h0_c0")
def states_of_two_models(module: Any, draw: Draw) -> dict[str, Any]:
    """Whether two models of one kind start from the same states."""
    found = []
    for _number in range(2):
        model, x = classifier(module, draw, 3, 4, 5, 2), torch.ones(2, 3, 3)
        seen = attempt(lambda: states(model, x))  # noqa: B023
        found.append(seen if isinstance(seen, dict) else {})
    return {
        f"the same {name} again": bool(torch.equal(found[0][name], found[1][name]))
        for name in ("h0", "c0")
        if all(isinstance(seen.get(name), Tensor) for seen in found)
    }


def within(values: Iterable[Any], depth: int = 2) -> Iterator[Tensor]:
    """The tensors among values, and in the lists, tuples and dicts among them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif depth and isinstance(value, list | tuple | dict):
            yield from within(value.values() if isinstance(value, dict) else value, depth - 1)


@clue(todo="h0_c0", gpu=True)
def where_the_states_come_from(module: Any, draw: Draw) -> dict[str, Any]:
    """Where the states are if all is made on the GPU by default, and whether NumPy made them."""
    with default_dtype(torch.float32):
        model, x = on_gpu(classifier(module, draw, 3, 4, 5, 2)), draw(6, 7, 3).to("cuda")
        values = list(vars(module).values())
        own = [v for v in values if isinstance(v, type) and v.__module__ == module.__name__]
        owners = vars(module), *map(vars, own), *map(vars, model.modules())
        kept = [x for owner in owners for x in within([*owner.values()]) if not x.is_cuda]
        with FromNumPy() as numpy, torch.device("cuda"), Origins(kept) as origins:
            seen = attempt(lambda: states(model, x, refused=True))

        def place_of(state: Tensor) -> str:
            if state.is_cuda:
                return "on the GPU"
            origin = origins.of(state)
            return f"on the CPU, {origin if origin in (KEPT, UNSEEN) else 'by name'}"

        found: dict[str, Any] = {
            f"{name} by default": place_of(seen[name])
            for name in ("h0", "c0")
            if isinstance(seen, dict) and isinstance(seen[name], Tensor)
        }
        return found | {"made by NumPy": numpy.seen}


class FromNumPy(TorchFunctionMode):
    """Sees whether a tensor is made from an array."""

    seen = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen |= any(isinstance(value, np.ndarray) for value in args)
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> "FromNumPy":
        self.original = torch.from_numpy

        def from_numpy(ndarray: Any) -> Tensor:  # no mode is asked about this one
            self.seen = True
            return self.original(ndarray)

        torch.from_numpy = from_numpy
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        torch.from_numpy = self.original


def states_handed_over(
    module: Any, draw: Draw, xdim: int, hdim: int, ydim: int, n_layer: int, batch: int, time: int
) -> Iterator[tuple[int, ...]]:
    """The shapes of the states that the LSTM is called with."""
    model = classifier(module, draw, xdim, hdim, ydim, n_layer)
    rnn = lstms(model)[0]
    rnn.__class__ = WatchedLSTM
    watch = vars(rnn)["watch"] = Watch()
    x = draw(batch, time, xdim)
    attempt(lambda: model(x))
    for state in watch.hx if isinstance(watch.hx, tuple | list) else [watch.hx]:
        if isinstance(state, Tensor):
            yield tuple(state.shape)


@clue(todo="last_step", apart={"h0_c0": ignore_states})
def what_is_given_to_lin(module: Any, draw: Draw) -> dict[str, Any]:
    """The input of the linear layer, also where that refuses it."""
    model = classifier(module, draw, 6, 5, 4, 3)
    x = draw(2, 7, 6)
    return given_to_linear(lambda: model(x), {"input of lin": draw.parameter("lin.weight")})


@clue(todo="last_step", apart={"h0_c0": ignore_states})
def gradients_of_the_lstm(module: Any, draw: Draw) -> dict[str, Any]:
    """Whether gradients reach the LSTM itself."""
    model, x = classifier(module, draw, 3, 4, 5, 2), draw(2, 6, 3)
    logits, weight = attempt(lambda: model(x)), draw.parameter("rnn.weight_hh_l1")
    reached = None
    if isinstance(logits, Tensor) and weight is not None:
        seen = gradients({"logits": logits}, {"weight": weight}, draw)
        reached = seen["gradient of weight"] is not None
    return {"a gradient reaches the LSTM": reached}


@clue(todo="last_step", apart={"h0_c0": ignore_states}, gpu=True)
def what_a_gpu_refuses(module: Any, draw: Draw) -> dict[str, Any]:
    """What is on the CPU where the scores come from."""
    model = on_gpu(classifier(module, draw, 4, 6, 5, 2))
    x = draw(3, 7, 4).to("cuda")
    return refused_on_gpu(lambda: model(x))
