"""What `torch.cuda` and `torch.accelerator` answer while the simulation is on.

Memory and time are not simulated: what asks for them gets a harmless answer. What is not listed here
is not simulated, and says so.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from autograder.language import _
from autograder.simulated_gpu.place import GPUS, gpu_of, missed, place_of, put, state, words

MEMORY = 16 << 30  # bytes that the GPU says it has


class CudaType(type):
    """torch.cuda.FloatTensor and its kind: makes tensors, and knows them."""

    plain: Any
    dtype: torch.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        with torch._C.DisableTorchFunction():
            made: Tensor = put(cls.plain(*args, **kwargs).clone(), GPUS[state.current])
            return made

    def __instancecheck__(cls, value: Any) -> bool:
        with torch._C.DisableTorchFunction():
            return (
                isinstance(value, Tensor)
                and place_of(value) is not None
                and value.dtype == cls.dtype
            )


CPU_GENERATOR = torch.Generator


class _GeneratorType(type(torch.Generator)):  # type: ignore[misc]
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, CPU_GENERATOR)


class Generator(torch.Generator, metaclass=_GeneratorType):
    """A generator says that it is the GPU's; its numbers are those of the CPU's."""

    gpu: torch.device | None

    def __new__(cls, device: Any = "cpu") -> "Generator":
        gpu = gpu_of(device)
        made = super().__new__(cls, "cpu" if gpu else device)  # type: ignore[call-arg]
        made.gpu = gpu
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.gpu or torch.device("cpu")


class _Instant(torch.Stream):
    """A stream, or an event: what a GPU is asked to do, the CPU has done.

    A stream of torch, as `x.record_stream` takes no other, and asks no mode before it has looked.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Instant":
        return super().__new__(cls, stream_id=0, device_index=0, device_type=1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.time = time.perf_counter()
        self.gpu = GPUS[state.current]

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.gpu

    def __enter__(self) -> "_Instant":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def wait(self, other: Any = None) -> None:
        pass

    wait_stream = wait_event = wait  # type: ignore[assignment]

    def record(self, stream: Any = None) -> None:
        self.time = time.perf_counter()

    def record_event(self, event: Any = None) -> Any:
        return event or _Instant()

    cuda_stream = priority = 0
    priority_range = staticmethod(lambda: (0, -1))

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return False

    def elapsed_time(self, other: "_Instant") -> float:
        return (other.time - self.time) * 1000


class _On:
    """`with torch.cuda.device(1):`"""

    def __init__(self, device: Any) -> None:
        self.gpu = gpu_of(device)

    def __enter__(self) -> None:
        self.before = state.current
        _set_device(self.gpu)

    def __exit__(self, *error: object) -> None:
        state.current = self.before


def _set_device(device: Any) -> None:
    if (gpu := gpu_of(device)) is not None:
        state.current = gpu.index


def _properties(device: Any = None) -> "_Properties":
    if not 0 <= _index(device) < len(GPUS):
        raise AssertionError("Invalid device id")
    return _Properties(
        name="Simulated GPU",
        major=8,
        minor=0,
        total_memory=MEMORY,
        multi_processor_count=1,
        max_threads_per_multi_processor=2048,
        warp_size=32,
        uuid="00000000-0000-0000-0000-000000000000",
        is_integrated=False,
        is_multi_gpu_board=False,
    )


def _index(device: Any) -> int:
    if isinstance(device, int):
        return device
    gpu = gpu_of("cuda" if device is None else device)
    return -1 if gpu is None else gpu.index


def _seed(seed: int) -> None:
    torch.default_generator.manual_seed(int(seed))  # all devices share one stream of numbers
    for generator in CUDA["default_generators"]:
        generator.manual_seed(int(seed))


def unknown(name: str, *args: Any, **kwargs: Any) -> Any:
    raise missed(name)


def constant(value: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: value


@contextmanager
def _nothing_around(*args: Any, **kwargs: Any) -> Iterator[None]:
    yield


class _Properties(SimpleNamespace):
    def __getattr__(self, name: str) -> Any:
        return unknown(f"get_device_properties().{name}")


class _Runtime:
    """`torch.cuda.cudart()`: there is nothing to be profiled."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("cudaProfiler"):
            return constant(0)
        return unknown(f"torch.cuda.cudart().{name}")


CUDA: dict[str, Any] = {
    "is_available": constant(True),
    "is_initialized": constant(True),
    "is_bf16_supported": constant(True),
    "is_tf32_supported": constant(True),
    "is_current_stream_capturing": constant(False),
    "device_count": constant(len(GPUS)),
    "current_device": lambda: state.current,
    "set_device": _set_device,
    "device": _On,
    "device_of": lambda x: _On(x.device),
    "get_device_properties": _properties,
    "get_device_name": lambda device=None: _properties(device).name,
    "get_device_capability": lambda device=None: (8, 0),
    "get_arch_list": constant([]),
    "mem_get_info": constant((MEMORY, MEMORY)),
    "memory_summary": constant(""),
    "memory_stats": lambda device=None: defaultdict(int),
    "memory_stats_as_nested_dict": lambda device=None: {},
    "host_memory_stats": lambda: defaultdict(int),
    "host_memory_stats_as_nested_dict": lambda: {},
    "memory_snapshot": lambda *args, **kwargs: [],
    "list_gpu_processes": constant("no processes are running"),
    "get_per_process_memory_fraction": constant(1.0),
    "get_allocator_backend": constant("native"),
    "get_gencode_flags": constant(""),
    "can_device_access_peer": lambda device, peer: _index(device) != _index(peer),
    "cudart": _Runtime,
    "CUDAGraph": partial(unknown, "torch.cuda.CUDAGraph"),
    "Stream": _Instant,
    "Event": _Instant,
    "ExternalStream": _Instant,
    "get_stream_from_external": _Instant,
    "make_graphed_callables": lambda callables, *args, **kwargs: callables,
    "MemPool": _Instant,
    "use_mem_pool": _nothing_around,
    "stream": lambda stream: stream if stream is not None else _Instant(),
    "StreamContext": lambda stream: stream if stream is not None else _Instant(),
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
NOTHING = words(
    """init synchronize empty_cache ipc_collect set_per_process_memory_fraction set_stream
    reset_peak_memory_stats reset_max_memory_allocated reset_accumulated_memory_stats
    reset_max_memory_cached reset_peak_host_memory_stats reset_accumulated_host_memory_stats
    set_sync_debug_mode check_error caching_allocator_enable"""
)
ZERO = words(
    """memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_cached
    max_memory_cached utilization memory_usage device_memory_used temperature power_draw clock_rate
    get_sync_debug_mode current_blas_handle current_solver_handle"""
)
# Asked for where torch's C++ would use it.
CUDA["_lazy_init"] = lambda: unknown(_("This use of CUDA"))
CUDA |= dict.fromkeys(NOTHING, constant(None)) | dict.fromkeys(ZERO, constant(0))
NVTX = {"range_push": constant(0), "range_pop": constant(0), "range_start": constant(0)} | {
    "range_end": constant(None),
    "mark": constant(None),
    "range": _nothing_around,
}
CUDA["default_generators"] = tuple(Generator(gpu) for gpu in GPUS)
HISTORY: dict[str, Any] = {
    "_record_memory_history": constant(None),
    "_dump_snapshot": constant(None),
    "_snapshot": lambda *args, **kwargs: {},
}
PROFILER = {"start": constant(None), "stop": constant(None), "profile": nullcontext}
ACCELERATOR = {name: CUDA[name] for name in torch.accelerator.__all__ if name in CUDA} | {
    "memory_stats": CUDA["memory_stats"],
    "get_memory_info": CUDA["mem_get_info"],
    "empty_host_cache": CUDA["empty_cache"],
    "device_index": _On,
    "current_accelerator": lambda check_available=False: torch.device("cuda"),
    "current_device_index": CUDA["current_device"],
    "current_device_idx": CUDA["current_device"],
    "set_device_index": _set_device,
    "set_device_idx": _set_device,
}


def replaced(module: ModuleType, ours: Mapping[str, Any]) -> Iterator[tuple[Any, str, Any]]:
    """What a module of torch gets while the simulation is on; what we have no answer for says so."""
    for name in {*module.__all__, *ours}:
        theirs = getattr(module, name, None)
        if name in ours:
            yield module, name, ours[name]
        elif callable(theirs) and not isinstance(theirs, type):
            yield module, name, partial(unknown, f"{module.__name__}.{name}")
