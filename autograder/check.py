"""A check: a function (module, draw) -> observations, with the points that hang on it.

A check exercises the public classes of a module and returns what it saw, as `{name: value}`. It
holds no expected value and asserts nothing; the judge compares. Helpers for the body of a check
are at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import getdoc
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from autograder.language import _

if TYPE_CHECKING:
    from torch import Tensor, nn

    from autograder.draw import Draw

Model = TypeVar("Model", bound="nn.Module")

# An observation of this name is not compared: remarks for the student, which cost nothing.
REMARKS = "remarks"

RAISES = "raises "  # begins what a clue says of a call that ended in an error

GIVEN = "given"  # the "TODO" of checks on code that is given: 0 points, reported apart


@dataclass(frozen=True)
class Check:
    """One check of one TODO.

    `apart` maps each other TODO that this check passes through to a stand-in for it: a function
    that puts something else, not the answer, in its place in the module. When that other TODO is
    wrong, the check is run again with the stand-ins, on the reference as well, so that each TODO
    is judged on its own.

    A clue costs nothing and is not shown: it is run when its TODO is wrong, to tell apart mistakes
    that look alike in the other checks.

    A check of code that is given is run where something is wrong that may rest on it, or `always`,
    if no TODO shows it.

    A check with `gpu` runs on a GPU, or on a simulated one: there is a "cuda" then, and the module
    was executed where there is one. Where that cannot be done, the check is not run, and costs nothing.
    """

    id: str
    todo: str
    points: float
    title: str
    run: Callable[[Any, Draw], Mapping[str, Any]]
    apart: Mapping[str, Callable[[ModuleType], None]] = field(default_factory=dict)
    clue: bool = False
    always: bool = False
    gpu: bool = False


def check(
    *,
    todo: str,
    points: float,
    apart: Mapping[str, Callable[[ModuleType], None]] | None = None,
    always: bool = False,
    gpu: bool = False,
) -> Callable[[Callable[[Any, Draw], Mapping[str, Any]]], Check]:
    """Make a check of a function; its name is the check's id, its docstring the title."""

    def decorate(function: Callable[[Any, Draw], Mapping[str, Any]]) -> Check:
        title = (getdoc(function) or function.__name__).partition("\n\n")[0].replace("\n", " ")
        stand_ins = dict(apart or {})
        return Check(
            function.__name__, todo, points, title, function, stand_ins, always=always, gpu=gpu
        )

    return decorate


def clue(
    *,
    todo: str,
    apart: Mapping[str, Callable[[ModuleType], None]] | None = None,
    gpu: bool = False,
) -> Callable[[Callable[[Any, Draw], Mapping[str, Any]]], Check]:
    """Make a clue of a function: a check that is only looked at to name a mistake."""

    def decorate(function: Callable[[Any, Draw], Mapping[str, Any]]) -> Check:
        return replace(check(todo=todo, points=0, apart=apart, gpu=gpu)(function), clue=True)

    return decorate


def attempt(run: Callable[[], Any]) -> Any:
    """What a call returns, or the kind of error it raises: so that a clue can go on after one.

    In the place of None stands its name, as a clue's None means that nothing could be seen.
    """
    try:
        result = run()
        return "None" if result is None else result
    except Exception as error:
        return f"{RAISES}{type(error).__name__}"


# What the stand-ins have set for a check, of each module: not in it, where any code of it could set it.
_set: WeakKeyDictionary[ModuleType, dict[str, Any]] = WeakKeyDictionary()


def marks(module: ModuleType) -> dict[str, Any]:
    """What stand-ins tell the check that they are for; empty where it looks at everything as it is."""
    return _set.setdefault(module, {})


class Unexpected(Exception):
    """What a student's code returned is not of the form that was asked for."""


class Inseparable(Exception):
    """The model is written so that one part of it cannot be looked at without the others."""


def parts(result: Any, *names: str) -> tuple[Any, ...]:
    """The parts of a returned tuple; raises Unexpected when it is anything else."""
    if isinstance(result, tuple | list) and len(result) == len(names):
        return tuple(result)
    raise Unexpected(
        _("returned {what}; expected a tuple ({names})").format(
            what=describe(result), names=", ".join(names)
        )
    )


MOST_ENTRIES = 2**21  # of a returned tensor; none that is asked for comes near


def tensor(result: Any, name: str) -> Tensor:
    """The returned tensor; raises Unexpected when it is anything else, or not an ordinary one."""
    import torch

    if type(result) not in (torch.Tensor, torch.nn.Parameter) or result.layout != torch.strided:
        sentence = _("returned {what}; expected an ordinary tensor, {name}")
        raise Unexpected(sentence.format(what=describe(result), name=name))
    if result.numel() > MOST_ENTRIES:
        sentence = _("returned {what}, which is far too large for {name}")
        raise Unexpected(sentence.format(what=describe(result), name=name))
    whole: Tensor = result
    return whole


def gradients(
    outputs: Mapping[str, Tensor], inputs: Mapping[str, Tensor | None], draw: Draw
) -> dict[str, Any]:
    """The gradient of a drawn weighted sum of the outputs with respect to each input, by name.

    None stands for "no gradient reaches it" and for an input that is not there.
    """
    import torch

    differentiable = [out for out in outputs.values() if out.requires_grad]
    wanted = {name: t for name, t in inputs.items() if t is not None and t.requires_grad}
    found: dict[str, Tensor | None] = {}
    # Drawn for every output, so that what is drawn does not depend on the answer.
    weights = [draw(*out.shape).to(out.dtype) for out in outputs.values()]
    if differentiable and wanted:
        loss = torch.stack(
            [
                (w * out).sum()
                for w, out in zip(weights, outputs.values(), strict=True)
                if out.requires_grad
            ]
        ).sum()
        found = dict(zip(wanted, _grad(loss, list(wanted.values())), strict=True))
    return {f"gradient of {name}": found.get(name) for name in inputs}


def _grad(loss: Tensor, leaves: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """The gradients of leaves, also where torch.utils.checkpoint is used as it is by default: then
    torch.autograd.grad refuses, and `backward` must be called as in training."""
    import torch

    try:
        return torch.autograd.grad(loss, leaves, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
    before = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    torch.autograd.backward(loss)
    found = [leaf.grad for leaf in leaves]
    for leaf, grad in zip(leaves, before, strict=True):
        leaf.grad = grad
    return found


def given_to_linear(
    run: Callable[[], Any], weights: Mapping[str, Tensor | None]
) -> dict[str, Tensor | None]:
    """The first input of the linear layer with each of these weights, while `run` goes on (or ends
    in an error). None: it was not called, or not as a linear layer. For clues.
    """
    from torch.nn.functional import linear
    from torch.overrides import TorchFunctionMode

    seen: dict[str, Tensor | None] = dict.fromkeys(weights)

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is linear and len(args) > 1:
                for name, weight in weights.items():
                    if args[1] is weight and seen[name] is None:
                        seen[name] = args[0].detach().clone()
            return func(*args, **(kwargs or {}))

    with Watch():
        attempt(run)
    return seen


def on_gpu(model: Model) -> Model:
    """Move a model to the GPU, and there again: what is not registered with it stays behind."""
    return model.to("cuda").to("cpu").to("cuda")


def alike_under_autocast(usual: Tensor, run: Callable[[], Tensor]) -> dict[str, Any]:
    """Whether `run` gives about the `usual` result where autocast lowers what it is computed in.

    Only about, and of any dtype: which steps are lowered hangs on how an answer is written.
    """
    import torch

    seen = {}
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast("cuda", dtype=dtype):
            lowered = run()
        name = f"about the same under autocast to {str(dtype).removeprefix('torch.')}"
        if lowered.shape == usual.shape:
            error = (lowered.float() - usual.float()).abs().max()
            seen[name] = bool(error < 0.1 * usual.float().abs().max())
    return seen


def place(run: Callable[[], Any]) -> str:
    """On which device a call gives its result (or the first part of it)."""
    try:
        result = run()
        return str((result[0] if isinstance(result, tuple) else result).device)
    except Exception:
        return _("an error")


def distinct(ratio: Tensor) -> str:
    """The values that occur in a tensor, in increasing order; of many, the first few."""
    rounded = ratio.detach().abs().round(decimals=4).flatten().tolist()
    # Without the second key, a NaN leaves the order to chance.
    values = sorted({f"{v:.3g}" for v in rounded}, key=lambda v: (v == "nan", float(v)))
    return ", ".join(values[:6]) + (", …" if len(values) > 6 else "")


def nothing() -> str:
    """A few words for None where something was to be returned."""
    return _("None (what a function without a `return` gives)")


def describe(value: Any) -> str:
    """A few words for what a student returned."""
    import torch

    if value is None:
        return nothing()
    if type(value) in (torch.Tensor, torch.nn.Parameter):
        sparse = value.layout != torch.strided
        words = _("a sparse tensor of shape {shape}") if sparse else _("a tensor of shape {shape}")
        return words.format(shape=tuple(value.shape))
    kind = type(value).__name__
    if type(value) in (tuple, list):
        return _("a {kind} of {count}").format(kind=kind, count=len(value))
    if type(value) in (bool, int, float, str):
        return _("a {kind}").format(kind=kind)
    return _("an object of type {kind}").format(kind=kind)
