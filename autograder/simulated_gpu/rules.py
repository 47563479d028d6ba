"""The rules by which each call of torch runs while the simulation is on: which device, which error.

A TorchFunctionMode is asked before every public function, method and property of torch. It refuses
what CUDA refuses, lets torch do the rest on the CPU, and tags the results. What nobody thought of
goes by `_operate`: all of it on one device, and so are its results.

A rule is given what was called, and answers in its place; while it runs, the mode is off.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.utils._device
from torch import Tensor
from torch.overrides import TorchFunctionMode

from autograder.language import _
from autograder.simulated_gpu.autocasting import autocast
from autograder.simulated_gpu.cuda import CudaType
from autograder.simulated_gpu.place import (
    arrived,
    common,
    convert,
    gpu_of,
    missed,
    mixed,
    place_of,
    put,
    says,
    state,
    tensors_in,
    words,
)

PINNED = "pinned"  # an attribute of a storage

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def _plain(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args, **kwargs)


def _operate(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Any operation: on one device, with its results on the same."""
    if "device" in kwargs:
        return _create(func, args, kwargs)
    if any(type(value) is torch.device for value in args):
        return _named(func, args, kwargs)
    name = getattr(func, "__name__", "")
    gpu = common(name, args, kwargs)
    if gpu is None:
        return func(*args, **kwargs)
    if torch.is_autocast_enabled("cuda"):
        args, kwargs = autocast(name, args, kwargs)
    if "generator" in kwargs:
        _same_generator(kwargs["generator"], gpu)
    return _run(func, name, args, kwargs, gpu)


def _run(
    func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], gpu: torch.device | None
) -> Any:
    """Run on the CPU what a GPU can do; CPUs lack some kernels that CUDA has, and the other way."""
    x = args[0] if args and name in PRODUCTS else None
    if isinstance(x, Tensor) and not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError("\"addmm_cuda\" not implemented for 'Long'")
    state.running = gpu
    try:
        return put(func(*args, **kwargs), gpu)
    finally:
        state.running = None


def _create(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What takes `device`: torch.zeros, torch.zeros_like, x.new_zeros, torch.tensor …"""
    name = getattr(func, "__name__", "")
    device = kwargs.get("device")
    first = args[0] if args and isinstance(args[0], Tensor) else None
    kwargs = {key: value for key, value in kwargs.items() if key != "pin_memory"}
    if device is None and name in CREATES and (first is None or name not in CONVERTS):
        device = kwargs["device"] = torch.utils._device.CURRENT_DEVICE  # of set_default_device
    if device is None and first is not None and name not in CREATES - CONVERTS:
        gpu = place_of(first)
    else:
        gpu = gpu_of(device)
    if gpu is not None:
        kwargs["device"] = "cpu"
    if "generator" in kwargs:
        _same_generator(kwargs["generator"], gpu)
    made = func(*args, **kwargs)
    if (
        isinstance(made, Tensor)
        and place_of(made) != gpu
        and (
            name in ("as_tensor", "asarray")
            or made is first
            or made.layout != torch.strided
            or made._is_view()
        )
    ):
        made = made.clone()  # it may be the very tensor, or the memory of the array, that was given
    return put(made, gpu)


def _named(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What takes a device by its position: torch.ops.aten.to.device …"""
    device = next(value for value in args if type(value) is torch.device)
    if device.type not in ("cpu", "cuda"):
        return func(*args, **kwargs)
    gpu = gpu_of(device)
    cpu = torch.device("cpu")
    made = func(*(cpu if type(value) is torch.device else value for value in args), **kwargs)
    if isinstance(made, Tensor) and place_of(made) != gpu:
        made = made.clone()
    return put(made, gpu)


def _same_generator(generator: Any, gpu: torch.device | None) -> None:
    wanted = "cpu" if gpu is None else "cuda"
    if generator is not None and (found := generator.device.type) != wanted:
        raise RuntimeError(f"Expected a '{wanted}' device type for generator but found '{found}'")


def _convert(
    func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], gpu: torch.device | None, *how: Any
) -> Any:
    """What is on the CPU and stays there is torch's business."""
    elsewhere = gpu is None and place_of(args[0]) is None
    return func(*args, **kwargs) if elsewhere else convert(args[0], gpu, *how)


def _to(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, *rest = args
    options = dict(kwargs)  # ours to take from; torch may still get them whole
    copy = options.pop("copy", False)
    other = rest[0] if rest and isinstance(rest[0], Tensor) else options.pop("other", None)
    if other is not None:
        return _convert(func, args, kwargs, place_of(other), other.dtype, copy or any(rest[2:3]))
    if len(rest) > 3 or (len(rest) > 2 and isinstance(rest[0], torch.dtype)):
        copy = bool(rest.pop())
    if rest and isinstance(rest[0], int):
        rest[0] = gpu_of(rest[0])
    if isinstance(options.get("device"), int):
        options["device"] = gpu_of(options["device"])
    device, dtype, _, memory_format = torch._C._nn._parse_to(*rest, **options)
    if device is not None and device.type not in ("cpu", "cuda"):
        return func(*args, **kwargs)
    gpu = place_of(x) if device is None else gpu_of(device)
    return _convert(func, args, kwargs, gpu, dtype, copy, memory_format)


def _cuda(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    device = kwargs.get("device", args[1] if len(args) > 1 else None)
    return convert(args[0], gpu_of("cuda" if device is None else device))


def _cpu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return _convert(func, args, kwargs, None)


def _type(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`x.type()`, which names the device as well, and `x.type(torch.cuda.FloatTensor)`."""
    x = args[0]
    wanted = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    if wanted is None:
        name = func(x)
        return name if place_of(x) is None else name.replace("torch.", "torch.cuda.")
    if isinstance(wanted, torch.dtype):
        return _convert(func, args, kwargs, place_of(x), wanted)
    if isinstance(wanted, str):
        *_, where, name = wanted.split(".")
        wanted = getattr(torch.cuda if where == "cuda" else torch, name)
    gpu = (place_of(x) or gpu_of("cuda")) if isinstance(wanted, CudaType) else None
    return _convert(func, args, kwargs, gpu, wanted.dtype)


def _device(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`torch.device(1)`: torch's C++ would look for a GPU."""
    return gpu_of(args[0]) if args and isinstance(args[0], int) else func(*args, **kwargs)


def _parse_to(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`model.to(0)`: torch's C++ would look for a GPU."""
    if args and type(args[0]) is int:
        args = gpu_of(args[0]), *args[1:]
    if type(kwargs.get("device")) is int:
        kwargs = {**kwargs, "device": gpu_of(kwargs["device"])}
    return func(*args, **kwargs)


def _type_as(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    other = kwargs.get("other", args[-1])
    return _convert(func, args, kwargs, place_of(other), other.dtype)


def _numpy(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    gpu = place_of(args[0])
    if gpu is not None and not kwargs.get("force", False):
        raise TypeError(
            f"can't convert {gpu} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )
    return func(*args, **kwargs)


def _refuse(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if common("", args[:1], {}) is not None:
        raise missed(called(func))
    return func(*args, **kwargs)


def _python(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A function of Python for each element."""
    if place_of(args[0]) is not None:
        raise TypeError(f"{func.__name__} is only implemented on CPU tensors")
    return func(*args, **kwargs)


def _text(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Printing asks the tensor for its device, so it goes through the mode."""
    x = args[0]
    if place_of(x) is None or (func.__name__ == "__format__" and x.dim() == 0):
        return func(*args, **kwargs)
    with MODE:
        if func.__name__ == "__format__":
            return object.__format__(x, *args[1:])
        return torch._tensor_str._str(x, **kwargs)  # type: ignore[no-untyped-call]


def _pinned(x: Tensor) -> Tensor:
    if place_of(x) is not None:
        raise RuntimeError(
            f"cannot pin 'torch.cuda.{x.type().rpartition('.')[2]}' only dense CPU tensors can be pinned"
        )
    copy = x.clone()
    setattr(copy.untyped_storage(), PINNED, True)
    return copy


def _get_grad(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x = args[0]
    grad = func(x)
    if grad is None:
        return None
    right = arrived(grad, place_of(x))
    if right is not grad:
        x.grad = right
    return right


def _set_grad(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, grad = args
    if grad is not None and place_of(grad) != place_of(x):
        raise RuntimeError(
            f"attempting to assign a gradient with device type '{says(grad).type}' to a tensor with "
            f"device type '{says(x).type}'. Please ensure that the gradient and the tensor are on "
            "the same device"
        )
    return func(x, grad)


def _getitem(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """CUDA takes indices from the CPU, and the CPU takes none from CUDA, but for a single number."""
    x, index = args
    _check_index(x, index)
    return _run(func, "__getitem__", args, kwargs, place_of(x))


def _setitem(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A slice takes a value from anywhere, as copy_ does; a place given by tensors does not."""
    x, index, value = args
    indices = _check_index(x, index)
    if isinstance(value, Tensor) and value.dim() and indices and place_of(value) != place_of(x):
        raise mixed(says(x), says(value))
    return _run(func, "__setitem__", args, kwargs, place_of(x))


def _index_put(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, indices, values, *_ = *args, *kwargs.values()
    _check_index(x, indices)
    common(func.__name__, (x, values), {})
    if torch.is_autocast_enabled("cuda") and place_of(x) is not None:
        args, kwargs = autocast(func.__name__, args, kwargs)
    return _run(func, func.__name__, args, kwargs, place_of(x))


def _check_index(x: Tensor, index: Any) -> list[Tensor]:
    found = tensors_in(index if isinstance(index, tuple | list) else [index], [])
    found = [i for i in found if i.dim() or i.dtype == torch.bool]
    for i in found:
        if place_of(i) not in (None, place_of(x)):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as the indexed tensor "
                f"({says(x)})"
            )
    return found


def _masked_fill(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
    if isinstance(mask, Tensor) and place_of(mask) != place_of(args[0]):
        raise RuntimeError(
            "expected self and mask to be on the same device, but got mask on "
            f"{says(mask)} and self on {says(args[0])}"
        )
    return _operate(func, args, kwargs)


def _recurrent(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """LSTM, GRU and RNN. Of a packed sequence the sizes, which come second, are on the CPU."""
    packed = isinstance(args[3], list | tuple)
    x, hidden, weights = args[0], *args[1 + packed : 3 + packed]
    hidden = tensors_in([hidden], [])
    for kind, tensors in (("hidden", hidden), ("parameter", weights)):
        for other in tensors:
            if place_of(other) != place_of(x):
                raise RuntimeError(
                    f"Input and {kind} tensors are not at the same device, found input tensor at "
                    f"{says(x)} and {kind} tensor at {says(other)}"
                )
    gpu = place_of(x)
    if gpu is None:
        return func(*args, **kwargs)
    for name, x in zip(("hx", "cx"), hidden, strict=False):
        if not x.is_contiguous():
            raise RuntimeError(f"rnn: {name} is not contiguous")  # cuDNN wants it so
    if torch.is_autocast_enabled("cuda"):
        args, kwargs = autocast(func.__name__, args, kwargs)
    return _run(func, func.__name__, args, kwargs, gpu)


def _first(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation that may see two devices: what it gives is a view or a copy of its first tensor."""
    result = func(*args, **kwargs)
    single = isinstance(result, Tensor) and isinstance(args[0], Tensor)
    return put(result, place_of(args[0])) if single else result


def _pack(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """pack_padded_sequence and the way back: lengths and sizes are on the CPU, given and returned."""
    data, lengths = args[:2]
    if func.__name__ == "_pack_padded_sequence" and (gpu := place_of(lengths)) is not None:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got 1D {gpu} Long tensor"
        )
    first, *rest = func(*args, **kwargs)
    return put(first, place_of(data)), *rest


def _foreach(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What an optimiser does to all parameters at once: to each on its own device."""
    lists = [value for value in args if isinstance(value, tuple | list)]
    if func.__name__ != "_foreach_copy_":
        for of_one in zip(*lists, strict=False):
            common(func.__name__, of_one, {})
    result = func(*args, **kwargs)
    if isinstance(result, tuple | list):
        for one, x in zip(result, lists[0], strict=False):
            put(one, place_of(x))
    return result


def _register_hook(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, hook = args
    gpu = place_of(x)
    return func(x, lambda grad: hook(arrived(grad, gpu)), **kwargs)


CREATES = {f.__name__ for f in torch.utils._device._device_constructors()}
CREATES = {name for name in CREATES if not name.startswith(("sparse_", "nested_"))}  # of tensors
CONVERTS = words("tensor as_tensor asarray")
PRODUCTS = words("matmul __matmul__ mm bmm mv addmm baddbmm linear")
RULES: dict[str, Rule] = dict.fromkeys(CREATES, _create)
for rule, names in (
    (_to, "to"),
    (_cuda, "cuda"),
    (_cpu, "cpu"),
    (_device, "device"),
    (_type, "type"),
    (_type_as, "type_as"),
    (_numpy, "numpy __array__"),
    (_getitem, "__getitem__"),
    (_setitem, "__setitem__"),
    (_index_put, "index_put index_put_"),
    (_masked_fill, "masked_fill masked_fill_"),
    (_register_hook, "register_hook"),
    (_recurrent, "lstm gru rnn_tanh rnn_relu"),
    (_pack, "_pack_padded_sequence _pad_packed_sequence"),
    (_text, "__repr__ __format__"),
    (_refuse, "__dlpack__"),  # it hands out the memory
    (_python, "apply_ map_"),
    (_first, "copy_ expand_as view_as reshape_as broadcast_tensors tensor_split ctc_loss"),
    (_first, "atleast_1d atleast_2d atleast_3d"),
    # These may see two devices, or ask for none, or give a view, or are looked after elsewhere
    # (`backward` and `grad`: _run_backward).
    # What `Module.to` was called with: each of its tensors is moved by `to`.
    (_parse_to, "_parse_to"),
    (_plain, "is_same_size result_type _has_compatible_shallow_copy_type backward grad"),
    (_plain, "size dim numel stride item tolist __len__ __bool__ __float__ __int__ __index__"),
    # A storage says itself where it is (below.py).
    (_plain, "storage untyped_storage _typed_storage"),
    (
        _plain,
        "is_contiguous is_floating_point detach view unbind transpose requires_grad_ data_ptr",
    ),
):
    RULES |= dict.fromkeys(words(names), rule)
RULES |= {
    "get_device": lambda func, args, kwargs: -1 if (d := place_of(args[0])) is None else d.index,
    "pin_memory": lambda func, args, kwargs: _pinned(args[0]),
    "is_pinned": lambda func, args, kwargs: PINNED in vars(args[0].untyped_storage()),
    "record_stream": lambda func, args, kwargs: None,
}
GETS: dict[str, Rule] = {
    "device": lambda func, args, kwargs: place_of(args[0]) or func(args[0]),
    "is_cuda": lambda func, args, kwargs: place_of(args[0]) is not None,
    "is_cpu": lambda func, args, kwargs: func(args[0]) and place_of(args[0]) is None,
    "grad": _get_grad,
}
SETS: dict[str, Rule] = {"grad": _set_grad}


@cache
def _rule(func: Any) -> Rule:
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__", "__delete__"):
        owner = getattr(func.__self__, "__name__", "")
        table = GETS if name == "__get__" else SETS if name == "__set__" else {}
        return table.get(owner, _plain)
    if name.startswith("_foreach_"):
        return _foreach
    if name.startswith("new_") or name.endswith("_like"):
        return _create
    return RULES.get(name, _operate)


# What an error says that is only this CPU's: it lacks a kernel that a GPU has, or CUDA itself.
LACKING = re.compile(
    "not implemented for '(Half|BFloat16)'|Could not run '|ATen_cuda|(compiled|support).* (CUDA|cuda)"
    "|no NVIDIA driver|non-CUDA tensor|'torch._C' has no attribute"
)


def called(func: Any) -> str:
    """The name of a function; not what a student may have named one instead."""
    name = str(getattr(func, "__name__", ""))
    return name if re.fullmatch(r"[\w.]{1,40}", name) else _("What is called here")


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        try:
            return _rule(func)(func, args, kwargs or {})
        except (RuntimeError, AssertionError) as error:
            if LACKING.search(str(error)):
                raise missed(called(func)) from error
            raise


MODE = _Mode()


def listening() -> bool:
    """Whether the mode is on: not so in a rule, nor in what it calls."""
    return MODE in torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
