"""A simulated CUDA device: while it is on, tensors say that they are on "cuda:0", with real values.

A tensor on the simulated GPU is an ordinary CPU tensor whose *storage* carries a tag, the device.
Views, `detach`, parameters, saved tensors and what autograd keeps share the storage, so they share
the device without any doing. A `TorchFunctionMode` sees every call of torch's public functions,
properties included. It refuses what CUDA refuses, runs the rest on the CPU, and tags the results.
So values, gradients and aliasing are the CPU's own, an operation that nobody thought of runs as it
always does, and there is nothing below Python that could abort the process.

What cannot be done faithfully raises NotSimulated, and `on` raises it again at its end, in case
that a submission caught it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
import torch.utils._device
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

TESTED = ("2.13",)  # the versions of torch on which the whole suite has run
GPUS = torch.device("cuda:0"), torch.device("cuda:1")
TAG = "simulated_gpu"  # the attribute of a storage
MEMORY = 16 << 30  # bytes that the GPU says it has; no more than that is simulated of memory


class NotSimulated(Exception):
    """Something that cannot be done as CUDA does it: the check is not run, rather than failed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not simulated.")
        _state.missed = self


class _State:
    """What belongs to the time that the simulation is on."""

    current = 0  # torch.cuda.current_device()
    missed: NotSimulated | None = None
    running: torch.device | None = None  # where the operation is that torch is carrying out


_state = _State()


# ---------------------------------------------------------------------------- where a tensor is


def _place(x: Tensor) -> torch.device | None:
    """The simulated GPU that a tensor is on; None: on the CPU (or wherever torch has it)."""
    try:
        return x.untyped_storage().__dict__.get(TAG)
    except (RuntimeError, NotImplementedError):
        if torch._C._functorch.is_functorch_wrapped_tensor(x):  # under vmap, grad, …
            return _place(torch._C._functorch.get_unwrapped(x))
        return None  # sparse, and then on the CPU: _put lets none be made on the GPU


def _put(value: Any, gpu: torch.device | None) -> Any:
    """Tag what an operation gave (a tensor, or a tuple of them); what has a tag keeps it."""
    if isinstance(value, Tensor):
        if gpu is not None and _place(value) is None:
            try:
                setattr(value.untyped_storage(), TAG, gpu)
            except (RuntimeError, NotImplementedError):
                if not torch._C._functorch.is_functorch_wrapped_tensor(value):
                    raise NotSimulated(f"A tensor of layout {value.layout} on the GPU") from None
                _put(torch._C._functorch.get_unwrapped(value), gpu)
    elif isinstance(value, tuple | list):
        for item in value:
            _put(item, gpu)
    return value


def _moved(value: Tensor, gpu: torch.device | None) -> Tensor:
    """This tensor if it is there, else a copy that is: a copy has its own storage, so its own tag."""
    if _place(value) == gpu:
        return value
    copy: Tensor = _put(value.clone(), gpu)
    return copy


def _arrived(value: Any, gpu: torch.device | None) -> Any:
    """Gradients as a hook gets them: autograd made them below Python, so they have no tag yet."""
    if isinstance(value, tuple | list):
        return type(value)(_arrived(item, gpu) for item in value)
    if not isinstance(value, Tensor):
        return value
    return _put(value, gpu) if _place(value) is None else _moved(value, gpu)


def _tensors(values: Sequence[Any], found: list[Tensor]) -> list[Tensor]:
    """All tensors among the arguments, in lists and tuples as well."""
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            _tensors(value, found)
        elif isinstance(value, torch.device) and value.type == "cuda":
            raise NotSimulated("This way of naming a device")
    return found


def _gpu(device: Any) -> torch.device | None:
    """The simulated GPU that is meant; None for any other device. Fails as CUDA does."""
    if isinstance(device, str):
        device = torch.device(device)
    if isinstance(device, int) and not isinstance(device, bool):
        index = device
    elif isinstance(device, torch.device) and device.type == "cuda":
        index = _state.current if device.index is None else device.index
    else:
        return None
    if not 0 <= index < len(GPUS):
        # It is an AcceleratorError from torch 2.8 on.
        raise getattr(torch, "AcceleratorError", RuntimeError)(
            "CUDA error: invalid device ordinal\nGPU device may be out of range, do you have enough GPUs?"
        )
    return GPUS[index]


def _says(x: Tensor) -> torch.device:
    return _place(x) or x.device


def _mixed(one: Any, other: Any) -> RuntimeError:
    return RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, "
        f"{one} and {other}!"
    )


def _common(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.device | None:
    """The GPU on which an operation runs. CUDA lets a number (a CPU tensor with no axes) join in."""
    tensors = _tensors(args, [])
    if kwargs:
        _tensors(list(kwargs.values()), tensors)
    gpu, rest = None, []
    for x in tensors:
        place = _place(x)
        if place is None:
            rest.append(x)
        elif gpu is None:
            gpu = place
        elif gpu != place:
            raise _mixed(gpu, place)
    if gpu is not None and rest:
        strict = name in JOINS
        written = args[0] if name.endswith("_") and not name.endswith("__") else kwargs.get("out")
        for x in rest:
            if x.dim() or strict or x is written:
                raise _mixed(gpu, x.device)
    return gpu


# ---------------------------------------------------------------------------- rules
# A rule is given what was called, and answers in its place. None of them is called from another
# rule's call of torch: the mode is off while a rule runs.

Rule = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def _plain(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return func(*args, **kwargs)


def _operate(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Any operation: on one device, with its results on the same."""
    if "device" in kwargs:
        return _create(func, args, kwargs)
    name = getattr(func, "__name__", "")
    gpu = _common(name, args, kwargs)
    if gpu is None:
        return func(*args, **kwargs)
    if torch.is_autocast_enabled("cuda"):
        args, kwargs = _autocast(name, args, kwargs)
    if "generator" in kwargs:
        _same_generator(kwargs["generator"])
    return _run(func, name, args, kwargs, gpu)


def _run(
    func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], gpu: torch.device | None
) -> Any:
    """Run on the CPU what a GPU can do; CPUs lack some kernels that CUDA has, and the other way."""
    if name in PRODUCTS and not (args[0].is_floating_point() or args[0].is_complex()):
        raise RuntimeError("\"addmm_cuda\" not implemented for 'Long'")
    _state.running = gpu
    try:
        return _put(func(*args, **kwargs), gpu)
    except NotImplementedError as error:
        if "Could not run" in str(error):  # it has no kernel for the CPU
            raise NotSimulated(name) from error
        raise
    except RuntimeError as error:
        if "not implemented for 'Half'" in str(error) or "for 'BFloat16'" in str(error):
            raise NotSimulated(f"{name} in half precision") from error
        raise
    finally:
        _state.running = None


def _create(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What takes `device`: torch.zeros, torch.zeros_like, x.new_zeros, torch.tensor …"""
    name = getattr(func, "__name__", "")
    device = kwargs.get("device")
    first = args[0] if args and isinstance(args[0], Tensor) else None
    if device is None and first is not None and (name not in CREATES or name in CONVERTS):
        gpu = _place(first)
    elif device is None and (name in CREATES):
        gpu = _gpu(torch.utils._device.CURRENT_DEVICE)  # of set_default_device, or of a `with`
        if gpu is None and torch.utils._device.CURRENT_DEVICE is not None:
            kwargs = {**kwargs, "device": torch.utils._device.CURRENT_DEVICE}
    elif device is None:
        gpu = _common(name, args, {})
    else:
        gpu = _gpu(device)
    if gpu is not None:
        kwargs = {k: v for k, v in kwargs.items() if k != "pin_memory"} | {"device": "cpu"}
        if "generator" in kwargs:
            _same_generator(kwargs["generator"])
    made = func(*args, **kwargs)
    if name in CONVERTS and isinstance(made, Tensor):
        # as_tensor gives what it was given, where it can; a copy has another tag (and for NumPy,
        # another memory).
        shared = first is None and gpu is not None and name != "tensor"
        return _put(made.clone(), gpu) if shared else _moved_new(made, first, gpu)
    if isinstance(made, Tensor) and gpu is None and _place(made) is not None:
        return made.clone()
    return _put(made, gpu)


def _moved_new(made: Tensor, first: Tensor | None, gpu: torch.device | None) -> Tensor:
    return _moved(made, gpu) if first is not None else _put(made, gpu)


def _same_generator(generator: Any) -> None:
    if generator is not None and generator.device.type != "cuda":
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")


def _convert(
    x: Tensor,
    gpu: torch.device | None,
    dtype: torch.dtype | None = None,
    copy: bool = False,
    memory_format: torch.memory_format = torch.preserve_format,
) -> Tensor:
    """`x.to(…)`, with a GPU or the CPU as its target."""
    if dtype is not None and dtype != x.dtype:
        made = x.to(dtype, memory_format=memory_format)
    elif copy or _place(x) != gpu:
        x.to("cpu")  # fails for a meta tensor, as it should
        made = x.clone(memory_format=memory_format)
    else:
        return x.to(dtype, memory_format=memory_format) if dtype else x
    result: Tensor = _put(made, gpu)
    return result


def _to(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, *rest = args
    copy = kwargs.pop("copy", False)
    other = rest[0] if rest and isinstance(rest[0], Tensor) else kwargs.pop("other", None)
    if other is not None:
        return _convert(x, _place(other), other.dtype, copy or any(rest[2:3]))
    if len(rest) > 3 or (len(rest) > 2 and isinstance(rest[0], torch.dtype)):
        copy = bool(rest.pop())
    if rest and isinstance(rest[0], int):
        rest[0] = _gpu(rest[0])
    if isinstance(kwargs.get("device"), int):
        kwargs["device"] = _gpu(kwargs["device"])
    device, dtype, _, memory_format = torch._C._nn._parse_to(*rest, **kwargs)
    gpu = _place(x) if device is None else _gpu(device)
    if device is not None and device.type not in ("cpu", "cuda"):
        return func(*args, **kwargs)
    return _convert(x, gpu, dtype, copy, memory_format or torch.preserve_format)


def _cuda(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    device = kwargs.get("device", args[1] if len(args) > 1 else None)
    return _convert(args[0], _gpu("cuda" if device is None else device))


def _cpu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return _convert(args[0], None)


def _type(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`x.type()`, which names the device as well, and `x.type(torch.cuda.FloatTensor)`."""
    x = args[0]
    wanted = kwargs.get("dtype", args[1] if len(args) > 1 else None)
    if wanted is None:
        name = func(x)
        return name if _place(x) is None else name.replace("torch.", "torch.cuda.")
    if isinstance(wanted, torch.dtype):
        return _convert(x, _place(x), wanted)
    if isinstance(wanted, str):
        *_, where, name = wanted.split(".")
        wanted = getattr(torch.cuda if where == "cuda" else torch, name)
    gpu = (_place(x) or _gpu("cuda")) if isinstance(wanted, _CudaType) else None
    return _convert(x, gpu, wanted.dtype)


def _device(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`torch.device(1)`: torch's C++ would look for a GPU."""
    return _gpu(args[0]) if args and isinstance(args[0], int) else func(*args, **kwargs)


def _type_as(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return _convert(args[0], _place(args[1]), args[1].dtype)


def _numpy(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    gpu = _place(args[0])
    if gpu is not None and not kwargs.get("force", False):
        raise TypeError(
            f"can't convert {gpu} device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )
    return func(*args, **kwargs)


def _refuse(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if _common("", args[:1], {}) is not None:
        raise NotSimulated(getattr(func, "__name__", "This"))
    return func(*args, **kwargs)


def _text(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Printing asks the tensor for its device, so it goes through the mode."""
    x = args[0]
    if _place(x) is None or (func.__name__ == "__format__" and x.dim() == 0):
        return func(*args, **kwargs)
    with MODE:
        if func.__name__ == "__format__":
            return object.__format__(x, *args[1:])
        text = torch._tensor_str._str(x, **kwargs)  # type: ignore[no-untyped-call]
    return f"Parameter containing:\n{text}" if isinstance(x, nn.Parameter) else text


def _get_grad(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x = args[0]
    grad = func(x)
    if grad is None:
        return None
    right = _arrived(grad, _place(x))
    if right is not grad:
        x.grad = right
    return right


def _set_grad(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, grad = args
    if grad is not None and _place(grad) != _place(x):
        raise RuntimeError(
            f"attempting to assign a gradient with device type '{_says(grad).type}' to a tensor with "
            f"device type '{_says(x).type}'. Please ensure that the gradient and the tensor are on "
            "the same device"
        )
    return func(x, grad)


def _getitem(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """CUDA takes indices from the CPU, and the CPU takes none from CUDA, but for a single number."""
    x, index = args
    _check_index(x, index)
    return _run(func, "__getitem__", args, kwargs, _place(x))


def _setitem(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A slice takes a value from anywhere, as copy_ does; a place given by tensors does not."""
    x, index, value = args
    indices = _check_index(x, index)
    if isinstance(value, Tensor) and value.dim() and indices and _place(value) != _place(x):
        raise _mixed(_says(x), _says(value))
    return _run(func, "__setitem__", args, kwargs, _place(x))


def _check_index(x: Tensor, index: Any) -> list[Tensor]:
    found = _tensors(index if isinstance(index, tuple | list) else [index], [])
    found = [i for i in found if i.dim() or i.dtype == torch.bool]
    for i in found:
        if _place(i) not in (None, _place(x)):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as the indexed tensor "
                f"({_says(x)})"
            )
    return found


def _masked_fill(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    mask = kwargs.get("mask", args[1] if len(args) > 1 else None)
    if isinstance(mask, Tensor) and _place(mask) != _place(args[0]):
        raise RuntimeError(
            "expected self and mask to be on the same device, but got mask on "
            f"{_says(mask)} and self on {_says(args[0])}"
        )
    return _operate(func, args, kwargs)


def _recurrent(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """LSTM, GRU and RNN. Of a packed sequence the sizes, which come second, are on the CPU."""
    packed = isinstance(args[3], list | tuple)
    x, hidden, weights = args[0], *args[1 + packed : 3 + packed]
    hidden = _tensors([hidden], [])
    for kind, tensors in (("hidden", hidden), ("parameter", weights)):
        for other in tensors:
            if _place(other) != _place(x):
                raise RuntimeError(
                    f"Input and {kind} tensors are not at the same device, found input tensor at "
                    f"{_says(x)} and {kind} tensor at {_says(other)}"
                )
    gpu = _place(x)
    if gpu is None:
        return func(*args, **kwargs)
    for name, state in zip(("hx", "cx"), hidden, strict=False):
        if not state.is_contiguous():
            raise RuntimeError(f"rnn: {name} is not contiguous")  # cuDNN wants it so
    if torch.is_autocast_enabled("cuda"):
        args, kwargs = _autocast(func.__name__, args, kwargs)
    return _run(func, func.__name__, args, kwargs, gpu)


def _first(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """An operation that may see two devices: what it gives is a view or a copy of its first tensor."""
    result = func(*args, **kwargs)
    return _put(result, _place(args[0])) if isinstance(result, Tensor) else result


def _pack(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """pack_padded_sequence and the way back: lengths and sizes are on the CPU, given and returned."""
    data, lengths = args[:2]
    if func.__name__ == "_pack_padded_sequence" and (gpu := _place(lengths)) is not None:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got 1D {gpu} Long tensor"
        )
    first, *rest = func(*args, **kwargs)
    return _put(first, _place(data)), *rest


def _foreach(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What an optimiser does to all parameters at once: to each on its own device."""
    result = func(*args, **kwargs)
    if isinstance(result, tuple | list):
        for one, x in zip(result, args[0], strict=False):
            _put(one, _place(x))
    return result


def _register_hook(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    x, hook = args
    gpu = _place(x)
    return func(x, lambda grad: hook(_arrived(grad, gpu)), **kwargs)


# ---------------------------------------------------------------------------- which rule for what


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CREATES = {f.__name__ for f in torch.utils._device._device_constructors()}
CREATES = {name for name in CREATES if not name.startswith(("sparse_", "nested_"))}  # of tensors
CONVERTS = _words("tensor as_tensor asarray")
JOINS = _words("cat concat concatenate stack hstack vstack dstack column_stack")
PRODUCTS = _words("matmul __matmul__ mm bmm mv addmm baddbmm linear")
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
    (_masked_fill, "masked_fill masked_fill_"),
    (_register_hook, "register_hook"),
    (_recurrent, "lstm gru rnn_tanh rnn_relu"),
    (_pack, "_pack_padded_sequence _pad_packed_sequence"),
    (_text, "__repr__ __format__"),
    # A storage says itself where it is, and DLPack hands out the memory.
    (_refuse, "storage untyped_storage _typed_storage __dlpack__"),
    (_first, "copy_ expand_as view_as reshape_as broadcast_tensors"),
    # These may see two devices, or ask for none, or give a view, or are looked after elsewhere
    # (`backward` and `grad`: _run_backward).
    (_plain, "is_same_size result_type _has_compatible_shallow_copy_type backward grad"),
    (_plain, "size dim numel stride item tolist __len__ __bool__ __float__ __int__ __index__"),
    (
        _plain,
        "is_contiguous is_floating_point detach view unbind transpose requires_grad_ data_ptr",
    ),
):
    RULES |= dict.fromkeys(_words(names), rule)
RULES |= {
    "get_device": lambda func, args, kwargs: -1 if (d := _place(args[0])) is None else d.index,
    "pin_memory": lambda func, args, kwargs: args[0],
    "is_pinned": lambda func, args, kwargs: False,
    "record_stream": lambda func, args, kwargs: None,
}
GETS: dict[str, Rule] = {
    "device": lambda func, args, kwargs: _place(args[0]) or func(args[0]),
    "is_cuda": lambda func, args, kwargs: _place(args[0]) is not None,
    "is_cpu": lambda func, args, kwargs: func(args[0]) and _place(args[0]) is None,
    "grad": _get_grad,
    "__cuda_array_interface__": _refuse,
}


@cache
def _rule(func: Any) -> Rule:
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__", "__delete__"):
        owner = getattr(func.__self__, "__name__", "")
        return GETS.get(owner, _plain) if name == "__get__" else _set_rule(owner, name)
    if name.startswith("_foreach_"):
        return _foreach
    return RULES.get(name, _operate)


def _set_rule(owner: str, name: str) -> Rule:
    return _set_grad if (owner, name) == ("grad", "__set__") else _plain


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _rule(func)(func, args, kwargs or {})


MODE = _Mode()


# ---------------------------------------------------------------------------- autocast("cuda")
# From "CUDA Ops that can autocast" in torch's documentation, by the names that calls have here.

LOWERED = _words(
    """matmul __matmul__ __rmatmul__ addbmm addmm addmv addr baddbmm bmm mm mv chain_matmul multi_dot
    linear einsum prelu scaled_dot_product_attention conv1d conv2d conv3d conv_tbc conv_transpose1d
    conv_transpose2d conv_transpose3d lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell
    rnn_relu_cell"""
)
RAISED = _words(
    """acos asin binary_cross_entropy_with_logits cdist cosh cosine_embedding_loss cosine_similarity
    cross_entropy_loss cumprod cumsum dist erfinv exp expm1 group_norm hinge_embedding_loss kl_div
    l1_loss layer_norm log log10 log1p log2 log_softmax logsumexp margin_ranking_loss mse_loss
    multi_margin_loss multilabel_margin_loss nll_loss nll_loss_nd norm pow __pow__ __rpow__ __rdiv__
    prod reciprocal renorm rsqrt sinh smooth_l1_loss soft_margin_loss softmax softmin softplus sum
    tan triplet_margin_loss"""
)
WIDENED = _words("addcdiv addcmul atan2 bilinear cross dot index_put scatter_add")
FLOATS = (torch.float16, torch.bfloat16, torch.float32)  # never float64


def _autocast(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if name == "binary_cross_entropy":
        raise RuntimeError(
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast."
        )
    if name in LOWERED:
        dtype = torch.get_autocast_dtype("cuda")
    elif name in RAISED:
        dtype = torch.float32
    elif name in WIDENED:
        dtypes = {x.dtype for x in _tensors(args, []) if x.dtype in FLOATS}
        dtype = next(iter(dtypes)) if len(dtypes) == 1 else torch.float32
    else:
        return args, kwargs

    def cast(value: Any) -> Any:
        if isinstance(value, Tensor):
            return _convert(value, _place(value), dtype) if value.dtype in FLOATS else value
        if isinstance(value, tuple | list):
            return type(value)(map(cast, value))
        return value

    return cast(args), {key: cast(value) for key, value in kwargs.items()}


# ---------------------------------------------------------------------------- torch.cuda


class _CudaType(type):
    """torch.cuda.FloatTensor and its kind: makes tensors, and knows them."""

    plain: Any
    dtype: torch.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        with torch._C.DisableTorchFunction():
            made: Tensor = _put(cls.plain(*args, **kwargs).clone(), GPUS[_state.current])
            return made

    def __instancecheck__(cls, value: Any) -> bool:
        with torch._C.DisableTorchFunction():
            return (
                isinstance(value, Tensor) and _place(value) is not None and value.dtype == cls.dtype
            )


CPU_GENERATOR = torch.Generator


class _GeneratorType(type(torch.Generator)):  # type: ignore[misc]
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, CPU_GENERATOR)


class _Generator(torch.Generator, metaclass=_GeneratorType):
    """A generator says that it is the GPU's; its numbers are those of the CPU's."""

    _gpu: torch.device | None

    def __new__(cls, device: Any = "cpu") -> "_Generator":
        gpu = _gpu(device)
        made = super().__new__(cls, "cpu" if gpu else device)  # type: ignore[call-arg]
        made._gpu = gpu
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self._gpu or torch.device("cpu")


class _Instant:
    """A stream, or an event: what a GPU is asked to do, the CPU has done."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.time = time.perf_counter()
        self.device = GPUS[_state.current]

    def __enter__(self) -> "_Instant":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def wait(self, other: Any = None) -> None:
        pass

    wait_stream = wait_event = wait

    def record(self, stream: Any = None) -> None:
        self.time = time.perf_counter()

    def record_event(self, event: Any = None) -> Any:
        return event or _Instant()

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return False

    def elapsed_time(self, other: "_Instant") -> float:
        return (other.time - self.time) * 1000


class _On:
    """`with torch.cuda.device(1):`"""

    def __init__(self, device: Any) -> None:
        self.gpu = _gpu(device)

    def __enter__(self) -> None:
        self.before = _state.current
        _set_device(self.gpu)

    def __exit__(self, *error: object) -> None:
        _state.current = self.before


def _set_device(device: Any) -> None:
    if (gpu := _gpu(device)) is not None:
        _state.current = gpu.index


def _properties(device: Any = None) -> SimpleNamespace:
    if not 0 <= _index(device) < len(GPUS):
        raise AssertionError("Invalid device id")
    return SimpleNamespace(
        name="Simulated GPU", major=8, minor=0, total_memory=MEMORY, multi_processor_count=1
    )


def _index(device: Any) -> int:
    if isinstance(device, int):
        return device
    gpu = _gpu("cuda" if device is None else device)
    return -1 if gpu is None else gpu.index


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(int(seed))  # all devices share one stream of numbers


def _constant(value: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: value


CUDA: dict[str, Any] = {
    "is_available": _constant(True),
    "is_initialized": _constant(True),
    "is_bf16_supported": _constant(True),
    "is_tf32_supported": _constant(True),
    "is_current_stream_capturing": _constant(False),
    "device_count": _constant(len(GPUS)),
    "current_device": lambda: _state.current,
    "set_device": _set_device,
    "device": _On,
    "device_of": lambda x: _On(x.device),
    "get_device_properties": _properties,
    "get_device_name": lambda device=None: _properties(device).name,
    "get_device_capability": lambda device=None: (8, 0),
    "get_arch_list": _constant([]),
    "mem_get_info": _constant((MEMORY, MEMORY)),
    "memory_stats": _constant({}),
    "memory_summary": _constant(""),
    "Stream": _Instant,
    "Event": _Instant,
    "stream": lambda stream: stream if stream is not None else _Instant(),
    "current_stream": _Instant,
    "default_stream": _Instant,
    "manual_seed": _seed,
    "manual_seed_all": _seed,
    "seed": lambda: _seed(torch.initial_seed() + 1),
    "seed_all": lambda: _seed(torch.initial_seed() + 1),
    "initial_seed": lambda: torch.initial_seed(),
    "get_rng_state": lambda device="cuda": torch.get_rng_state(),
    "set_rng_state": lambda state, device="cuda": torch.set_rng_state(state),
    "get_rng_state_all": lambda: [torch.get_rng_state()] * len(GPUS),
    "set_rng_state_all": lambda states: torch.set_rng_state(states[0]),
}
NOTHING = _words(
    """init synchronize empty_cache ipc_collect set_per_process_memory_fraction set_stream
    reset_peak_memory_stats reset_max_memory_allocated reset_accumulated_memory_stats _lazy_init"""
)
ZERO = _words(
    """memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_cached
    max_memory_cached utilization memory_usage"""
)
CUDA |= dict.fromkeys(NOTHING, _constant(None)) | dict.fromkeys(ZERO, _constant(0))
ACCELERATOR = {name: CUDA[name] for name in torch.accelerator.__all__ if name in CUDA} | {
    "current_accelerator": lambda check_available=False: torch.device("cuda"),
    "current_device_index": CUDA["current_device"],
    "current_device_idx": CUDA["current_device"],
    "set_device_index": _set_device,
    "set_device_idx": _set_device,
}


def _unknown(name: str, *args: Any, **kwargs: Any) -> Any:
    raise NotSimulated(name)


def _replaced(module: ModuleType, ours: Mapping[str, Any]) -> Iterator[tuple[Any, str, Any]]:
    """What a module of torch gets while the simulation is on; what we have no answer for says so."""
    for name in {*module.__all__, *ours}:
        theirs = getattr(module, name, None)
        if name in ours:
            yield module, name, ours[name]
        elif callable(theirs) and not isinstance(theirs, type):
            yield module, name, partial(_unknown, f"{module.__name__}.{name}")


# ---------------------------------------------------------------------------- below the functions


def _overridden(values: Any) -> bool:
    """torch.nn.functional's question whether one of these speaks for itself (a subclass might).

    To torch the mode does, for all tensors. Answered so, a function of several steps (multi-head
    attention) runs step by step under the mode, each checked, and under autocast cast, on its own.
    """
    disabled = torch._C._disabled_torch_function_impl
    return any(
        type(value) is not Tensor
        and getattr(type(value), "__torch_function__", disabled) is not disabled
        for value in values
    )


def _listening() -> bool:
    """Whether the mode is on: not so in a rule, nor in what it calls."""
    return MODE in torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]


def _in_context(
    original: Any, context: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None
) -> Any:
    """`with torch.device("cuda"):` comes before our mode, and may speak to it. A default device comes
    after it, and would speak to the CPU's torch; _create looks after that one."""
    if _listening():
        return original(context, func, types, args, kwargs)
    return func(*args, **(kwargs or {}))


def _run_backward(original: Any, outputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The autograd engine, with the mode on for hooks and for backward functions in Python."""
    if _listening():
        result = original(outputs, *args, **kwargs)
    else:
        with MODE:
            result = original(outputs, *args, **kwargs)
    with torch._C.DisableTorchFunction():
        inputs = args[3] if len(args) > 3 else kwargs.get("inputs", ())
        if not isinstance(result, tuple) or len(result) != len(inputs):
            return result
        return tuple(
            _arrived(grad, _place(x)) if isinstance(x, Tensor) else grad
            for x, grad in zip(inputs, result, strict=True)
        )


def _apply(original: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A Function of a student's own: its node remembers the device that its gradients come to."""
    result = original(cls, *args, **kwargs)
    with torch._C.DisableTorchFunction():
        for x in _tensors(result if isinstance(result, tuple | list) else [result], []):
            node: Any = x.grad_fn
            if isinstance(node, torch.autograd.function.BackwardCFunction):
                setattr(node, TAG, _place(x))
    return result


def _apply_backward(original: Any, node: Any, *grads: Any) -> Any:
    with torch._C.DisableTorchFunction():
        grads = tuple(_arrived(grad, getattr(node, TAG, None)) for grad in grads)
    return original(node, *grads)


def _saved_tensors_hooks(original: Any, hooks: Any, pack: Any, unpack: Any) -> None:
    """What packs tensors for the way back (checkpoint, save_on_cpu) is called by torch in the midst
    of an operation: its result has no tag yet, and the mode is off."""

    def packed(x: Tensor) -> Any:
        gpu = _state.running
        if gpu is not None and x.dim() and _place(x) is None:
            x = _put(x.clone(), gpu)
        if gpu is None:
            return pack(x)
        with MODE:
            result = pack(x)
        _state.running = gpu
        return result

    original(hooks, packed, unpack)


def _setup_output_hook(original: Any, hook: Any, args: Any) -> Any:
    """A module's backward hook remembers where the module's outputs were …"""
    with torch._C.DisableTorchFunction():
        tensors = _tensors(args if isinstance(args, tuple | list) else [args], [])
        setattr(hook, TAG, _place(tensors[0]) if tensors else None)
    return original(hook, args)


def _pack_with_none(original: Any, hook: Any, indices: Any, values: Any, size: int) -> Any:
    """… and so do the gradients that it is given."""
    with torch._C.DisableTorchFunction():
        values = _arrived(tuple(values), getattr(hook, TAG, None))
    return original(hook, indices, values, size)


def _reduce(original: Any, x: Tensor, protocol: int) -> Any:
    """For pickle: what torch writes down is the storage, and of that _location says where it is."""
    with torch._C.DisableTorchFunction():
        return original(x, protocol)


def _location(storage: Any) -> str | None:
    """For torch.save."""
    gpu = vars(getattr(storage, "_untyped_storage", storage)).get(TAG)
    return None if gpu is None else str(gpu)


def _located(storage: Any, location: str) -> Any:
    """For torch.load."""
    if not location.startswith("cuda"):
        return None
    setattr(storage, TAG, _gpu(location))
    return storage


def _method(wrapper: Any, original: Any) -> Any:
    return lambda self, *args, **kwargs: wrapper(original, self, *args, **kwargs)


@cache
def _changes() -> list[tuple[Any, str, Any]]:
    """Everything of torch that is replaced while the simulation is on."""
    F = nn.functional
    context = torch.utils._device.DeviceContext
    function = torch.autograd.Function
    node = torch.autograd.function.BackwardCFunction
    hook = torch.utils.hooks.BackwardHook
    saved = torch.autograd.graph.saved_tensors_hooks
    engine = vars(torch.autograd)["_engine_run_backward"]
    of_function = vars(function)["apply"].__func__
    changes = [
        *_replaced(torch.cuda, CUDA),
        *_replaced(torch.accelerator, ACCELERATOR),
        (torch, "Generator", _Generator),
        (torch, "compile", partial(_unknown, "torch.compile")),
        (torch._C.ScriptFunction, "__call__", lambda *args, **kwargs: _unknown("TorchScript")),
        (torch._C.ScriptMethod, "__call__", lambda *args, **kwargs: _unknown("TorchScript")),
        (nn.DataParallel, "forward", lambda *args, **kwargs: _unknown("nn.DataParallel")),
        (torch.backends.cuda, "is_built", _constant(True)),
        (
            torch.backends.cudnn.__dict__["m"],  # the module that its namesake asks
            "is_acceptable",
            _constant(False),
        ),  # it would warn that none is there
        (context, "__torch_function__", _method(_in_context, vars(context)["__torch_function__"])),
        (F, "has_torch_function", _overridden),
        (F, "has_torch_function_variadic", lambda *values: _overridden(values)),
        (F, "has_torch_function_unary", lambda value: _overridden((value,))),
        (torch.autograd, "_engine_run_backward", partial(_run_backward, engine)),
        (function, "apply", classmethod(lambda cls, *a, **k: _apply(of_function, cls, *a, **k))),
        (Tensor, "_reduce_ex_internal", _method(_reduce, Tensor._reduce_ex_internal)),
        (node, "apply", _method(_apply_backward, node.apply)),
        (saved, "__init__", _method(_saved_tensors_hooks, saved.__init__)),
        (hook, "setup_output_hook", _method(_setup_output_hook, hook.setup_output_hook)),
        (hook, "_pack_with_none", _method(_pack_with_none, hook._pack_with_none)),
        (
            torch.serialization,
            "_package_registry",
            [(0, _location, _located), *torch.serialization._package_registry],
        ),
    ]
    for name in dir(torch.cuda):
        plain: Any = getattr(torch, name, None)
        if name.endswith("Tensor") and hasattr(plain, "dtype"):
            members = {"plain": plain, "dtype": plain.dtype, "__module__": "torch.cuda"}
            changes.append((torch.cuda, name, _CudaType(name, (), members)))
    return [change for change in changes if change[1] in vars(change[0])]


# ---------------------------------------------------------------------------- the module's uses


@contextmanager
def on() -> Iterator[None]:
    """While it is on, this machine has two GPUs, "cuda:0" and "cuda:1"; then all is as before."""
    _state.current, _state.missed = 0, None
    saved = [(owner, name, vars(owner)[name]) for owner, name, _ in _changes()]
    autocast = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    for owner, name, value in _changes():
        setattr(owner, name, value)
    try:
        with MODE:
            yield
    except NotSimulated:
        raise
    except Exception as error:
        if _state.missed is not None:
            raise _state.missed from error
        raise
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
        default = torch.utils._device.CURRENT_DEVICE
        if default is not None and default.type == "cuda":
            torch.set_default_device(None)
        torch.set_autocast_enabled("cuda", autocast[0])
        torch.set_autocast_dtype("cuda", autocast[1])
    if _state.missed is not None:
        raise _state.missed


def plain(value: Tensor) -> Tensor:
    """The ordinary CPU tensor that a simulated one holds: a copy, with no history."""
    with torch._C.DisableTorchFunction():
        return value.detach().clone()


@cache
def supported() -> str:
    """Why no GPU can be simulated with this torch, in a sentence; "" if one can."""
    version = ".".join(torch.__version__.split(".")[:2])
    if version not in TESTED:
        return f"torch {torch.__version__} is not among those the simulated GPU is tested with."
    try:
        with on():
            x = torch.ones(2, device="cuda", requires_grad=True)
            (grad,) = torch.autograd.grad((x * x).sum(), x)
            works = str(x[1:].detach().device) == str(grad.device) == "cuda:0"
    except Exception as error:
        return f"This torch lacks what the simulated GPU needs ({type(error).__name__}: {error})."
    return "" if works else "This torch lacks what the simulated GPU needs."


def prepare() -> None:
    """Once, before any fork: load what torch loads at first use, so that no worker has to."""
    if supported():
        return
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Dropout(), nn.BatchNorm1d(4))
    lstm = nn.LSTM(4, 4, batch_first=True)
    with on():
        with torch.autocast("cuda"):
            features = model.cuda()(torch.randn(8, 4, device="cuda"))
        out, _ = lstm.cuda()(features.float().view(2, 4, 4))
        loss = nn.functional.cross_entropy(out[:, -1], torch.tensor([0, 3], device="cuda"))
        torch.autograd.backward(loss)
        str(loss)
