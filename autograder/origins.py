"""Where tensors on the CPU come from, while a student's code runs as if on a GPU. For clues."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from autograder.check import attempt

MADE, KEPT = "made there", "kept there"
MOVED, RESULT_MOVED = "an input or weight, moved there", "a result, moved there"
UNSEEN = "from elsewhere"  # as from NumPy, or from torch.FloatTensor, which no mode is asked about
# Made after the example of a tensor, and not from its numbers.
AFTER = "_like", "new_"
WHERE = "where it is refused"
SIGNS = "add", "sub", "mul", "div", "truediv", "pow"
WAYS = {
    "arithmetic": {*SIGNS, *("subtract", "multiply", "divide", "true_divide", "addcmul", "lerp")},
    "comparison": {"eq", "ne", "lt", "gt", "le", "ge", "maximum", "minimum", "logical_and"},
    "product": {"matmul", "bmm", "mm", "mv", "einsum", "baddbmm", "tensordot", "linear", "addmm"},
    "choice": {"where", "masked_fill"},
    "joining": {"cat", "concat", "concatenate", "stack", "hstack", "vstack"},
}


class Origins(TorchFunctionMode):
    """Sees of tensors on the CPU whether they were made there or moved there.

    `kept`: tensors that were there before.
    """

    def __init__(self, kept: Iterable[Tensor] = ()) -> None:
        super().__init__()
        # With the tensors, so that ids stay theirs.
        self._known: dict[int, tuple[Tensor, str]] = {id(x): (x, KEPT) for x in kept}

    def of(self, x: Tensor) -> str:
        """Where a tensor comes from, or what it is computed from does."""
        return self._known[id(x)][1] if id(x) in self._known else UNSEEN

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = list(tensors([*args, *(kwargs or {}).values()]))
        for x in tensors(result):
            if not x.is_cuda and not any(x is one for one in given):
                self._known[id(x)] = x, self._origin(func.__name__, given)
        return result

    def _origin(self, name: str, given: list[Tensor]) -> str:
        if name.startswith(AFTER) or name.endswith(AFTER):
            given = [x for x in given if not x.is_cuda]
        found = {
            (MOVED if from_one(x) else RESULT_MOVED) if x.is_cuda else self.of(x) for x in given
        }
        return next((o for o in (MOVED, RESULT_MOVED, KEPT, UNSEEN) if o in found), MADE)


def from_one(x: Tensor) -> bool:
    """Whether a tensor is an input or a weight, or comes of a single one alone, as by a repeat."""
    node = x.grad_fn
    while node is not None:
        before = [one for one, _ in node.next_functions if one is not None]
        if len(before) > 1:
            return False
        node = before[0] if before else None
    return True


def tensors(values: Any) -> Iterator[Tensor]:
    """The tensors among values, also in lists and tuples."""
    if isinstance(values, tuple | list):
        for value in values:
            yield from tensors(value)
    elif isinstance(values, Tensor):
        yield values


def refused_on_gpu(run: Any, whole: int = 0) -> dict[str, Any]:
    """What is on the CPU in the first call of torch that a GPU refuses, while `run` goes on.

    Inputs and weights require gradients, so that what is computed from them can be told from what
    an answer makes itself. `whole`: how many numbers a result has that is not only a part.
    """
    found: dict[str, Any] = {}

    def kind(x: Tensor) -> str:
        if not x.is_floating_point():
            return "a mask" if x.dtype == torch.bool else "an index"
        if x.requires_grad:
            return "a whole result" if x.numel() == whole else "a result"
        return "a number" if x.numel() == 1 else "a tensor"

    class Watch(Origins):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            try:
                return super().__torch_function__(func, types, args, kwargs)
            except Exception:
                if not found:
                    given = list(tensors([*args, *(kwargs or {}).values()]))
                    there = [x for x in given if not x.is_cuda and x.dim()]
                    if there:
                        masks = {kind(x) == "a mask" for x in given if x.is_cuda}
                        found["on the CPU"] = kind(there[0])
                        found["it was"] = self.of(there[0])
                        found[WHERE] = way(func.__name__)
                        found["it meets a mask"] = True in masks
                        if found["on the CPU"] == "a number" and found[WHERE] == "arithmetic":
                            found["the number"] = float(there[0])
                    elif func.__name__ in ("numpy", "__array__"):
                        found["on the CPU"] = "for NumPy"
                raise

    with Watch():
        attempt(run)
    nothing = dict.fromkeys(("it was", WHERE, "it meets a mask", "the number"))
    return {"on the CPU": "nothing that is refused"} | nothing | found


def way(name: str) -> str:
    """In what kind of calculation: the same one has many names."""
    name = name.strip("_")
    if name[:1] in ("r", "i") and name[1:] in SIGNS:
        name = name[1:]
    return next((way for way, names in WAYS.items() if name in names), name)
