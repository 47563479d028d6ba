"""What of torch is replaced while the simulation is on, and how.

Most of a simulated GPU needs nothing of this: see rules.py. The rest is private to torch, and each
piece says why it is needed. `changes` lists all of it.
"""

import threading
from contextlib import nullcontext
from functools import cache, partial, partialmethod
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from autograder.simulated_gpu.cuda import (
    ACCELERATOR,
    CUDA,
    HISTORY,
    NVTX,
    PROFILER,
    CudaType,
    Generator,
    constant,
    replaced,
    unknown,
)
from autograder.simulated_gpu.place import (
    TAG,
    arrived,
    gpu_of,
    place_of,
    put,
    says,
    state,
    tensors_in,
    words,
)
from autograder.simulated_gpu.rules import MODE, listening


def _overridden(values: Any) -> bool:
    """torch.nn.functional's question whether one of these speaks for itself (a subclass might).

    To torch the mode does, for all tensors. Answered so, a function of several steps (multi-head
    attention) runs step by step under the mode, each checked, and under autocast cast, on its own.
    """
    disabled = torch._C._disabled_torch_function_impl
    return torch._C._is_torch_function_enabled() and any(
        type(value) is not Tensor
        and getattr(type(value), "__torch_function__", disabled) is not disabled
        for value in values
    )


def _run_backward(original: Any, outputs: Any, *args: Any, **kwargs: Any) -> Any:
    """The autograd engine, with the mode on for hooks and for backward functions in Python."""
    if listening() or torch._C._functorch.peek_interpreter_stack() is not None:
        result = original(outputs, *args, **kwargs)
    else:
        with MODE:
            result = original(outputs, *args, **kwargs)
    with torch._C.DisableTorchFunction():
        inputs = args[3] if len(args) > 3 else kwargs.get("inputs", ())
        if not isinstance(result, tuple) or len(result) != len(inputs):
            return result
        return tuple(
            arrived(grad, place_of(x)) if isinstance(x, Tensor) else grad
            for x, grad in zip(inputs, result, strict=True)
        )


def _apply(original: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A Function in Python (so also a module's backward hook): its node remembers the device that its
    gradients come to."""
    result = original.__get__(None, cls)(*args, **kwargs)
    if not listening():
        return result  # a part of an operation of torch: on the way back the mode is off as well
    with torch._C.DisableTorchFunction():
        for x in tensors_in(result if isinstance(result, tuple | list) else [result], []):
            node: Any = x.grad_fn
            if isinstance(node, torch.autograd.function.BackwardCFunction):
                setattr(node, TAG, place_of(x))
    return result


def _apply_backward(original: Any, node: Any, *grads: Any) -> Any:
    if hasattr(node, TAG):
        return original(node, *arrived(grads, getattr(node, TAG)))
    with torch._C.DisableTorchFunction():
        return original(node, *grads)


def _saved_tensors_hooks(original: Any, hooks: Any, pack: Any, unpack: Any) -> None:
    """What packs tensors for the way back (checkpoint, save_on_cpu) is called by torch in the midst
    of an operation: its result has no tag yet, and the mode is off."""

    def packed(x: Tensor) -> Any:
        gpu = state.running
        if gpu is not None and x.dim() and place_of(x) is None:
            x = put(x.clone(), gpu)
        if gpu is None:
            return pack(x)
        with MODE:
            result = pack(x)
        state.running = gpu
        return result

    original(hooks, packed, unpack)


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
    setattr(storage, TAG, gpu_of(location))
    return storage


def _storage_device(storage: Any) -> Any:
    return vars(storage).get(TAG) or vars(torch._C.StorageBase)["device"].__get__(storage)


def _storage_to(storage: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """A copy elsewhere; the same storage where it is there already."""
    gpu = gpu_of(device)
    return storage if gpu == vars(storage).get(TAG) else _storage_copy(storage, gpu)


def _storage_copy(storage: Any, gpu: torch.device | None) -> Any:
    copy = type(storage)(storage.nbytes()).copy_(storage)
    if gpu is not None:
        setattr(copy, TAG, gpu)
    return copy


def _storage_clone(storage: Any) -> Any:
    return _storage_copy(storage, vars(storage).get(TAG))


def _to_dlpack(original: Any, x: Tensor) -> Any:
    return original(x) if place_of(x) is None else unknown("to_dlpack")


def _nested_tensor(original: Any, tensors: Any, **kwargs: Any) -> Any:
    """On the device that is named, or where the first of the tensors is."""
    first = tensors_in(tensors, [])[:1]
    device = kwargs.pop("device", None) or (says(first[0]) if first else None)
    return put(original(tensors, **kwargs), gpu_of(device))


def _script(original: Any, code: Any, *args: Any, **kwargs: Any) -> Any:
    """A student's code stays as it is: scripted or traced, it would run where no mode sees it."""
    if isinstance(code, FunctionType) and str(code.__module__).startswith("torch."):  # its own
        return original(code, *args, **kwargs) if original else code
    shown = {"code": "", "graph": ""} | dict.fromkeys(("save", "save_to_buffer"), _unsaved)
    if isinstance(code, FunctionType | nn.Module):
        # What may be asked of a script, but for what it has by itself.
        vars(code).update({k: v for k, v in shown.items() if not hasattr(code, k)})
    return code


class Unscripted(nn.Module):
    """In the place of torch.jit.ScriptModule."""


def _unsaved(*args: Any, **kwargs: Any) -> Any:
    return unknown("torch.jit.save")


UNSCRIPTED = "trace trace_module freeze optimize_for_inference"


def _set_default_tensor_type(kind: Any) -> None:
    """For `torch.cuda.FloatTensor`: its dtype and its device are those of what is made from now on."""
    if isinstance(kind, str):
        module, _, name = kind.rpartition(".")
        kind = getattr(torch.cuda if module == "torch.cuda" else torch, name)
    torch.set_default_dtype(kind.dtype)
    torch.set_default_device("cuda" if isinstance(kind, CudaType) else None)


def _on_one_gpu(parallel: Any, inputs: Any, kwargs: Any, device_ids: Any) -> Any:
    """What nn.DataParallel splits: here all of it goes to the first of its GPUs."""

    def there(value: Any) -> Any:
        return value.to(parallel.src_device_obj) if isinstance(value, Tensor) else value

    inputs, kwargs = tree_map(there, (inputs, kwargs or {}))
    return [inputs], [kwargs]


def _gathered(parallel: Any, outputs: Any, device: Any) -> Any:
    return tree_map(lambda x: x.to(gpu_of(device)) if isinstance(x, Tensor) else x, outputs[0])


def _data_parallel(
    module: Any,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: Any = None,
) -> Any:
    """nn.DataParallel as a function."""
    return nn.DataParallel(module, device_ids, output_device, dim)(
        *(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {})
    )


def _in_a_thread(original: Any, thread: Any) -> None:
    """A mode is on in its own thread only."""
    with MODE:
        original(thread)


def _profile(original: Any, profile: Any, *args: Any, **kwargs: Any) -> None:
    """There are no kernels to look at, and torch would warn of it at each call."""
    no_gpu = {"use_device": None, "use_cuda": False}
    original(profile, *args, **{key: no_gpu.get(key, value) for key, value in kwargs.items()})


def _method(wrapper: Any, original: Any) -> Any:
    return lambda self, *args, **kwargs: wrapper(original, self, *args, **kwargs)


@cache
def changes() -> list[tuple[Any, str, Any]]:
    """Everything of torch that is replaced while the simulation is on."""
    F = nn.functional
    function = torch.autograd.Function
    node = torch.autograd.function.BackwardCFunction
    saved = torch.autograd.graph.saved_tensors_hooks
    engine = vars(torch.autograd)["_engine_run_backward"]
    from torch.nested._internal.nested_tensor import NestedTensor

    nested = vars(torch._C)["_nested"]
    profiler = torch.autograd.profiler
    bootstrap = vars(threading.Thread)["_bootstrap_inner"]
    of_function = vars(function)["apply"]
    found = [
        *replaced(torch.cuda, CUDA),
        *replaced(torch.accelerator, ACCELERATOR),
        (torch, "Generator", Generator),
        *replaced(torch.cuda.nvtx, NVTX),
        *replaced(torch.cuda.profiler, PROFILER),
        # Where torch.cuda has them from.
        *(
            (module, name, value)
            for module in (torch.cuda.streams, torch.cuda.random, torch.cuda.memory)
            for name, value in {**CUDA, **HISTORY}.items()
        ),
        (torch, "Stream", CUDA["Stream"]),
        (torch, "Event", CUDA["Event"]),
        (torch.version, "cuda", "12.8"),
        (profiler.profile, "__init__", _method(_profile, profiler.profile.__init__)),
        (profiler, "emit_nvtx", lambda *args, **kwargs: nullcontext()),
        (threading.Thread, "_bootstrap_inner", _method(_in_a_thread, bootstrap)),
        (nn.parallel, "data_parallel", _data_parallel),
        (torch.export, "export", partial(unknown, "torch.export")),
        (torch.jit, "script_method", lambda method: method),
        (torch.jit, "ScriptModule", Unscripted),
        (torch.jit, "save", _unsaved),
        (torch.UntypedStorage, "device", property(_storage_device)),
        (torch.UntypedStorage, "is_cuda", property(lambda x: _storage_device(x).type == "cuda")),
        (torch.UntypedStorage, "to", _storage_to),
        (torch.UntypedStorage, "cuda", partialmethod(_storage_to, "cuda")),
        (torch.UntypedStorage, "clone", _storage_clone),
        (torch, "to_dlpack", partial(_to_dlpack, torch._C._to_dlpack)),
        (torch.utils.dlpack, "to_dlpack", partial(_to_dlpack, torch._C._to_dlpack)),
        (nested, "nested_tensor", partial(_nested_tensor, nested.nested_tensor)),
        (NestedTensor, "__new__", lambda *args, **kwargs: unknown("torch.jagged")),
        (torch.jit, "script", partial(_script, torch.jit.script)),
        *((torch.jit, name, partial(_script, None)) for name in words(UNSCRIPTED)),
        (torch._C.ScriptFunction, "__call__", lambda *args, **kwargs: unknown("TorchScript")),
        (torch._C.ScriptMethod, "__call__", lambda *args, **kwargs: unknown("TorchScript")),
        (torch, "set_default_tensor_type", _set_default_tensor_type),
        # What that calls, and who had imported it by name before calls.
        (torch._C, "_set_default_tensor_type", _set_default_tensor_type),
        (nn.DataParallel, "scatter", _on_one_gpu),
        (nn.DataParallel, "replicate", lambda self, module, device_ids: [module]),
        (
            nn.DataParallel,
            "parallel_apply",
            lambda self, modules, x, kw: [modules[0](*x[0], **kw[0])],
        ),
        (nn.DataParallel, "gather", _gathered),
        (torch.backends.cuda, "is_built", constant(True)),
        # It would warn that there is no cuDNN. (`m` is the module behind the one of this name.)
        (vars(torch.backends.cudnn)["m"], "is_acceptable", constant(False)),
        (torch.overrides, "has_torch_function", _overridden),
        (F, "has_torch_function", _overridden),
        (F, "has_torch_function_variadic", lambda *values: _overridden(values)),
        (F, "has_torch_function_unary", lambda value: _overridden((value,))),
        (torch.autograd, "_engine_run_backward", partial(_run_backward, engine)),
        (function, "apply", classmethod(lambda cls, *a, **k: _apply(of_function, cls, *a, **k))),
        (Tensor, "_reduce_ex_internal", _method(_reduce, Tensor._reduce_ex_internal)),
        (node, "apply", _method(_apply_backward, node.apply)),
        (saved, "__init__", _method(_saved_tensors_hooks, saved.__init__)),
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
            found.append((torch.cuda, name, CudaType(name, (), members)))
    return [(owner, name, value) for owner, name, value in found if hasattr(owner, name)]
