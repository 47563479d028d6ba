"""Where a tensor is: on the CPU, or on a simulated GPU, as a tag on its storage says.

What shares memory shares its storage: views, `detach`, parameters, `x.data = y`, what autograd
saves. So they are on the same device without any doing. torch keeps a storage's Python object, and
so the tag, for as long as the memory lives.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autograder.language import _


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GPUS = torch.device("cuda:0"), torch.device("cuda:1")
TAG = "simulated_gpu"  # the attribute of a storage
# These take no number from the CPU either: it joins in element by element only.
ALIKE = words(
    """cat concat concatenate stack hstack vstack dstack index_select index_copy index_add embedding
    addmm baddbmm addbmm addmv repeat_interleave searchsorted"""
)


class State:
    """What belongs to the time that the simulation is on."""

    current = 0  # torch.cuda.current_device()
    missed: "NotSimulated | None" = None
    running: torch.device | None = None  # where the operation is that torch is carrying out

    def start(self) -> None:
        self.current, self.missed = 0, None


state = State()


class NotSimulated(Exception):
    """Something that cannot be done as CUDA does it: the check is not run, rather than failed."""


def missed(what: str) -> NotSimulated:
    """What the simulation raises; whoever else raises such an error has made it up."""
    state.missed = NotSimulated(_("{what} is not simulated.").format(what=what))
    return state.missed


def _storage(x: Tensor) -> torch.UntypedStorage:
    if type(x) is Tensor or type(x) is nn.Parameter:
        return x.untyped_storage()
    with torch._C.DisableTorchFunctionSubclass():  # a subclass may speak for itself, but not to us
        return x.untyped_storage()


def place_of(x: Tensor) -> torch.device | None:
    """The simulated GPU that a tensor is on; None: on the CPU (or wherever torch has it)."""
    try:
        return vars(_storage(x)).get(TAG)
    except (RuntimeError, NotImplementedError):
        return next((place_of(part) for part in _parts(x)), None)


def _parts(x: Tensor) -> list[Tensor]:
    """The tensors that hold what a tensor without a storage of its own consists of."""
    with torch._C.DisableTorchFunctionSubclass():
        if torch._C._functorch.is_functorch_wrapped_tensor(x):  # under vmap, grad, …
            return [torch._C._functorch.get_unwrapped(x)]
        if x.layout == torch.sparse_coo:
            return [x._values(), x._indices()]
        if x.layout in (torch.sparse_csr, torch.sparse_bsr):
            return [x.values(), x.crow_indices(), x.col_indices()]
        if x.layout in (torch.sparse_csc, torch.sparse_bsc):
            return [x.values(), x.ccol_indices(), x.row_indices()]
        return []


def put(value: Any, gpu: torch.device | None) -> Any:
    """Tag what an operation gave (a tensor, or a tuple of them); what has a tag keeps it."""
    if isinstance(value, Tensor):
        if gpu is not None and place_of(value) is None:
            try:
                setattr(_storage(value), TAG, gpu)
            except (RuntimeError, NotImplementedError):
                parts = _parts(value)
                if not parts:
                    layout = _("A tensor of layout {layout} on the GPU").format(layout=value.layout)
                    raise missed(layout) from None
                put(parts, gpu)
    elif isinstance(value, tuple | list):
        for item in value:
            put(item, gpu)
    return value


def arrived(value: Any, gpu: torch.device | None) -> Any:
    """Gradients as a hook gets them: autograd made them below Python, so they have no tag yet.

    One that has another device's came from there, through a copy that gave it on as it was.
    """
    if isinstance(value, tuple | list):
        return type(value)(arrived(item, gpu) for item in value)
    if not isinstance(value, Tensor):
        return value
    with torch._C.DisableTorchFunction():
        return put(value if place_of(value) in (None, gpu) else value.clone(), gpu)


def tensors_in(values: Sequence[Any], found: list[Tensor]) -> list[Tensor]:
    """All tensors among the arguments, in lists and tuples as well."""
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            tensors_in(value, found)
    return found


def gpu_of(device: Any) -> torch.device | None:
    """The simulated GPU that is meant; None for any other device. Fails as CUDA does."""
    if isinstance(device, str):
        device = torch.device(device)
    if isinstance(device, int) and not isinstance(device, bool):
        index = device
    elif isinstance(device, torch.device) and device.type == "cuda":
        index = state.current if device.index is None else device.index
    else:
        return None
    if not 0 <= index < len(GPUS):
        # It is an AcceleratorError from torch 2.8 on.
        raise getattr(torch, "AcceleratorError", RuntimeError)(
            "CUDA error: invalid device ordinal\nGPU device may be out of range, do you have enough GPUs?"
        )
    return GPUS[index]


def says(x: Tensor) -> torch.device:
    return place_of(x) or x.device


def mixed(one: Any, other: Any) -> RuntimeError:
    return RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, "
        f"{one} and {other}!"
    )


def convert(
    x: Tensor,
    gpu: torch.device | None,
    dtype: torch.dtype | None = None,
    copy: bool = False,
    memory_format: torch.memory_format | None = None,
) -> Tensor:
    """`x.to(…)`, from a GPU or to one; a tensor that is there already and so is itself."""
    kept = place_of(x) == gpu
    result: Tensor = x.to(
        x.device if kept else "cpu",  # where it really is
        dtype or x.dtype,
        copy=copy or not kept,
        memory_format=memory_format or torch.preserve_format,
    )
    return put(result, gpu)  # type: ignore[no-any-return]


def common(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device | None:
    """The GPU on which an operation runs. CUDA lets a number (a CPU tensor with no axes) join in."""
    found = tensors_in(args, [])
    if kwargs:
        tensors_in(list(kwargs.values()), found)
    gpu, rest = None, []
    for x in found:
        place = place_of(x)
        if place is None:
            rest.append(x)
        elif gpu is None:
            gpu = place
        elif gpu != place:
            raise mixed(gpu, place)
    if gpu is not None and rest:
        in_place = re.match(r"__i[a-z]+__|\w*[^_]_$", name)
        written = args[0] if in_place and args else kwargs.get("out")
        for x in rest:
            if x.device.type == "meta":
                raise missed("torch.jagged")  # such a tensor has one
            if x.dim() or name.partition(".")[0].rstrip("_") in ALIKE or x is written:
                raise mixed(gpu, x.device)
    return gpu
