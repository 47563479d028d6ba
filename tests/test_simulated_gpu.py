"""The simulated GPU gives what the CPU gives, refuses what CUDA refuses, and owns up to the rest.

Where a real GPU is present, `make test-gpu` runs the same programs and mistakes on it.
"""

import contextlib
import functools
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch._dynamo  # as an optimiser does: not first while the simulation is on
from torch import Tensor, nn

from autograder import simulated_gpu
from autograder.simulated_gpu import NotSimulated
from autograder.simulated_gpu.below import changes
from tests.gpu_programs import DRAWN, MISTAKES, OPERATIONS, PROGRAMS, Given

GPUS = ["simulated"]
if torch.cuda.is_available():
    GPUS.append(pytest.param("real", marks=pytest.mark.gpu))  # type: ignore[arg-type]
    torch.backends.cudnn.allow_tf32 = False  # its products have three digits
on_each_gpu = pytest.mark.parametrize("gpu", GPUS)


@contextlib.contextmanager
def use(gpu: str) -> Iterator[None]:
    with simulated_gpu.on() if gpu == "simulated" else contextlib.nullcontext():
        yield


def plain(value: Any) -> Any:
    """A result as it can be compared: each tensor with the device that it says it is on."""
    if isinstance(value, Tensor):
        return str(value.device), value.detach().clone().cpu()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def compare(
    name: str, there: Any, here: Any, *, exact: bool, values: bool, cpu: bool = False
) -> None:
    """The same as on the CPU, and every tensor on the GPU but those called "cpu …"."""
    cpu = cpu or name.rpartition(".")[2].startswith("cpu")
    if isinstance(here, tuple):
        device, value = there
        assert device == ("cpu" if cpu else "cuda:0"), name
        assert (value.shape, value.dtype) == (here[1].shape, here[1].dtype), name
        if values:
            tolerance = {"rtol": 1e-5, "atol": 1e-6} if exact else {"rtol": 1e-3, "atol": 1e-3}
            torch.testing.assert_close(value, here[1], equal_nan=True, **tolerance)
    elif isinstance(here, dict):
        assert list(there) == list(here), name
        for key in here:
            compare(f"{name}.{key}", there[key], here[key], exact=exact, values=values, cpu=cpu)
    elif isinstance(here, list):
        assert len(there) == len(here), name
        for number, (one, other) in enumerate(zip(there, here, strict=True)):
            compare(f"{name}.{number}", one, other, exact=exact, values=values, cpu=cpu)
    elif isinstance(here, float):
        assert not values or there == pytest.approx(here, rel=1e-5 if exact else 1e-3), name
    else:
        assert there == here, name


def outcome(name: str, device: str) -> Any:
    """What an operation gives, and the gradients of all that it was given."""
    g = Given(device)
    found = OPERATIONS[name](g)
    tensors = [found] if isinstance(found, Tensor) else list(found)
    total = sum(
        (x.double() * torch.linspace(0.5, 1.5, x.numel(), device=device).view(x.shape)).sum()
        for x in tensors
        if x.requires_grad
    )
    if isinstance(total, Tensor):
        tensors += torch.autograd.grad(total, g.leaves(), allow_unused=True)
    return plain(tensors)


@on_each_gpu
@pytest.mark.filterwarnings("ignore:Sparse", "ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_what_the_cpu_gives(name: str, gpu: str) -> None:
    with use(gpu):
        there = outcome(name, "cuda")
    compare(name, there, outcome(name, "cpu"), exact=gpu == "simulated", values=True)


@on_each_gpu
@pytest.mark.filterwarnings(
    "ignore:`torch.jit",  # torch's own, in torch.func.jvp
    "ignore:The PyTorch API of nested tensors",
)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_what_the_cpu_gives(name: str, gpu: str) -> None:
    with use(gpu):
        there = plain(PROGRAMS[name]("cuda"))
    here = plain(PROGRAMS[name]("cpu"))
    simulated = gpu == "simulated"
    compare(name, there, here, exact=simulated, values=simulated or name not in DRAWN)


@on_each_gpu
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_what_cuda_raises(name: str, gpu: str) -> None:
    program, error, sentence = MISTAKES[name]
    with use(gpu), pytest.raises(error) as caught:
        program()
    assert sentence in str(caught.value)


def test_the_suite_is_as_large_as_it_says() -> None:
    assert len(OPERATIONS) >= 150
    assert len(PROGRAMS) >= 30
    assert len(MISTAKES) >= 25


# ------------------------------------------------------------------ what only a simulation is asked


def test_this_torch_is_supported() -> None:
    assert simulated_gpu.supported() == ""


def test_another_torch_is_not_supported_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "1.13.1")
    assert "1.13.1 is not among those" in simulated_gpu.supported.__wrapped__()


def test_a_torch_that_lacks_something_is_not_supported_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulated_gpu, "MODE", contextlib.nullcontext())
    assert "lacks what the simulated GPU needs" in simulated_gpu.supported.__wrapped__()


def state_of_torch() -> list[Any]:
    return [vars(owner).get(name) for owner, name, _ in changes()]


def test_off_nothing_of_torch_is_changed() -> None:
    before, available = state_of_torch(), torch.cuda.is_available()
    with simulated_gpu.on():
        x = torch.ones(2, device="cuda")
        assert torch.cuda.is_available()
        torch.set_default_device("cuda")
        torch.set_autocast_enabled("cuda", True)
    assert all(one is other for one, other in zip(state_of_torch(), before, strict=True))
    assert str(x.device) == "cpu"
    assert torch.cuda.is_available() is available
    assert str(torch.zeros(1).device) == "cpu"
    assert not torch.is_autocast_enabled("cuda")
    if not available:
        with pytest.raises((AssertionError, RuntimeError)):
            torch.ones(2, device="cuda")


def test_a_mode_that_is_left_behind_does_no_harm() -> None:
    with simulated_gpu.on():
        torch.device("cuda").__enter__()
    assert torch.overrides._get_current_function_mode_stack() == []
    assert str(torch.zeros(1).device) == "cpu"


def test_an_error_leaves_nothing_of_torch_changed() -> None:
    before = state_of_torch()
    with pytest.raises(ZeroDivisionError), simulated_gpu.on():
        raise ZeroDivisionError
    assert all(one is other for one, other in zip(state_of_torch(), before, strict=True))


def test_prepare_starts_no_thread() -> None:
    before = threading.active_count(), len(os.listdir("/proc/self/task"))
    simulated_gpu.prepare()
    assert (threading.active_count(), len(os.listdir("/proc/self/task"))) == before


def test_plain_gives_the_ordinary_tensor() -> None:
    with simulated_gpu.on():
        x = torch.ones(2, device="cuda", requires_grad=True)
        y = simulated_gpu.plain(x * 2)
        assert str(y.device) == "cpu"
        assert type(y) is Tensor
        assert not y.requires_grad
        assert y.numpy().tolist() == [2, 2]


def test_a_second_gpu_is_another_device() -> None:
    with simulated_gpu.on():
        one, two = torch.ones(2, device="cuda"), torch.ones(2, device="cuda:1")
        assert [str(x.device) for x in (one, two, two.to("cuda"), one.to(two))] == [
            *("cuda:0", "cuda:1"),
            *("cuda:0", "cuda:1"),
        ]
        with pytest.raises(RuntimeError, match="two devices, cuda:0 and cuda:1!"):
            one + two
        with pytest.raises(RuntimeError, match="two devices, cuda:0 and cuda:1!"):
            one * two.sum()
        one.copy_(two)
        with torch.cuda.device(1):
            assert torch.cuda.current_device() == 1
            assert str(torch.ones(1).cuda().device) == "cuda:1"
            assert str(torch.device("cuda")) == "cuda"
        assert str(torch.ones(1).cuda().device) == "cuda:0"
        torch.cuda.set_device("cuda:1")
        assert str(torch.ones(1, device="cuda").device) == "cuda:1"
        assert str(torch.ones(1).to(0).device) == "cuda:0"
        assert str(torch.device(1)) == "cuda:1"


def test_an_optimiser_steps_on_two_gpus() -> None:
    with simulated_gpu.on():
        one, two = (nn.Parameter(torch.ones(2, device=f"cuda:{i}")) for i in (0, 1))
        optimiser = torch.optim.Adam([one, two], lr=0.5)
        one.sum().backward()
        two.sum().backward()
        optimiser.step()
        assert one.tolist() == two.tolist() == pytest.approx([0.5, 0.5])
        assert [str(optimiser.state[p]["exp_avg"].device) for p in (one, two)] == [
            "cuda:0",
            "cuda:1",
        ]


def test_torch_cuda_answers() -> None:
    with simulated_gpu.on():
        assert torch.cuda.is_available()
        assert torch.cuda.device_count() == 2
        assert torch.cuda.current_device() == 0
        assert torch.cuda.get_device_name(0) == torch.cuda.get_device_properties("cuda").name
        assert torch.cuda.memory_allocated() == torch.cuda.max_memory_allocated() == 0
        assert torch.cuda.get_device_capability() >= (7, 0)
        assert torch.accelerator.current_accelerator() == torch.device("cuda")
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        pinned = torch.zeros(2, pin_memory=True)
        assert [str(x.device) for x in (pinned, pinned.cuda(non_blocking=True))] == [
            "cpu",
            "cuda:0",
        ]
        torch.cuda.manual_seed_all(3)
        one = torch.rand(3, device="cuda")
        torch.cuda.manual_seed(3)
        assert torch.equal(one, torch.rand(3, device="cuda"))
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        with torch.cuda.stream(torch.cuda.Stream()):
            start.record()
            end.record()
        end.synchronize()
        assert start.elapsed_time(end) >= 0
        assert torch.random.get_rng_state().equal(torch.cuda.get_rng_state())


def test_the_old_tensor_types_are_there() -> None:
    """`Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor`, as in older programs."""
    with simulated_gpu.on():
        x = torch.cuda.FloatTensor(np.ones((2, 3)))
        assert (str(x.device), x.dtype, x.type()) == (
            "cuda:0",
            torch.float32,
            "torch.cuda.FloatTensor",
        )
        assert isinstance(x, torch.cuda.FloatTensor)
        assert not isinstance(x.cpu(), torch.cuda.FloatTensor)
        assert str(torch.ones(2).type(torch.cuda.LongTensor).device) == "cuda:0"
        assert (
            str(x.type(torch.FloatTensor).device)
            == str(x.type("torch.FloatTensor").device)
            == "cpu"
        )
        assert str(x.type(torch.float64).device) == "cuda:0"


def test_memory_is_not_shared_with_the_cpu() -> None:
    with simulated_gpu.on():
        array, x = np.zeros(2), torch.zeros(2)
        for there in (
            torch.as_tensor(array, device="cuda"),
            torch.as_tensor(x, device="cuda"),
            x.cuda(),
        ):
            there += 1
        assert array.tolist() == x.tolist() == [0, 0]
        assert str(x.device) == "cpu"
        assert x.to("cpu", copy=True).data_ptr() != x.data_ptr()
        back = there.cpu()
        back += 1
        assert there.tolist() == [1, 1]
        assert str(torch.as_tensor(there, device="cpu").device) == "cpu"
        assert str(there.device) == "cuda:0"


def test_arguments_stay_as_they_were_given() -> None:
    with simulated_gpu.on():
        make = functools.partial(torch.zeros, 2, device="cuda")
        move = functools.partial(torch.ones(2).to, device="cuda", copy=True)
        assert [str(f().device) for f in (make, make, move, move)] == ["cuda:0"] * 4


@pytest.mark.filterwarnings("ignore:To copy construct")
def test_numbers_of_the_gpu_do_not_draw_others_there() -> None:
    """CUDA makes these on the CPU, or where their first tensor is."""
    with simulated_gpu.on():
        x, number = torch.zeros(2, 3), torch.tensor(1.5, device="cuda")
        there = x.cuda()
        for made in (
            torch.tensor([number, 2.0]),
            torch.full_like(x, number),
            x.new_full((2,), number),
            torch.full((2,), number),
            x.new_tensor(there),
            x.expand_as(there),
            x.view_as(there),
            torch.broadcast_tensors(x, there)[0],
            torch.atleast_2d(x[0], there)[0],
        ):
            assert str(made.device) == "cpu"
        assert str(there.new_tensor(x).device) == "cuda:0"


def test_cpu_indices_reach_into_the_gpu() -> None:
    with simulated_gpu.on():
        x = torch.arange(6.0, device="cuda").view(2, 3)
        rows = torch.tensor([1, 0])
        assert str(x[rows].device) == "cuda:0"
        x[rows, rows] = 7.0
        x[rows] = torch.tensor(9.0)
        x[:, 0] = torch.ones(2)
        x.index_put_((rows, rows), torch.zeros(2, device="cuda"))
        assert x.tolist() == [[0, 9, 9], [1, 0, 9]]
        assert str(rows.device) == "cpu"


# ------------------------------------------------------------------ what nobody thought of


@torch.library.custom_op("simulated_gpu_tests::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    return torch.from_numpy(x.numpy() * 2)


@torch.library.custom_op("simulated_gpu_tests::plus_nothing", mutates_args=())
def plus_nothing(x: Tensor) -> Tensor:
    return x + torch.zeros(x.shape)


@torch.library.custom_op("simulated_gpu_tests::only_cuda", mutates_args=(), device_types="cuda")
def only_cuda(x: Tensor) -> Tensor:
    return x * 2


class Named(Tensor):
    """A subclass that speaks for itself."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})
        return result.as_subclass(Named) if isinstance(result, Tensor) else result


@pytest.mark.parametrize(
    "unknown",
    [
        lambda x: torch.ops.simulated_gpu_tests.twice(x),
        lambda x: twice(x),
        lambda x: torch.ops.aten.add.Tensor(x, x),
        lambda x: torch.ops.aten._fused_dropout,
        lambda x: (x.as_subclass(Named) + x).as_subclass(Tensor),
        lambda x: nn.functional.relu(x.as_subclass(Named) * 2).as_subclass(Tensor),
        lambda x: torch._C._nn.gelu(x) * 0 + x * 2,
        lambda x: torch._VF.stack([x, x]).sum(0),
        lambda x: torch.utils.dlpack and x.new(2, 3).copy_(x) * 2,
        lambda x: torch.nested.nested_tensor([x, x]).unbind()[0] * 2,
        lambda x: torch.linalg.lstsq(torch.eye(2, device=x.device), x).solution * 2,
        lambda x: torch.vmap(lambda row: row * 2)(x),
        lambda x: torch.func.linearize(lambda y: y * 2, x)[0],
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_an_unknown_operation_is_right_or_not_simulated(unknown: Any) -> None:
    values = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    try:
        with simulated_gpu.on():
            found = unknown(values.cuda())
            place = str(found.device) if isinstance(found, Tensor) else ""
    except NotSimulated:
        return
    if isinstance(found, Tensor):
        assert place == "cuda:0"
        assert torch.equal(found, values * 2)


@pytest.mark.parametrize(
    "impossible",
    [
        lambda x: torch.ops.simulated_gpu_tests.only_cuda(x),
        lambda x: torch.cuda.cudart().cudaMemGetInfo(0),
        lambda x: torch.cuda.CUDAGraph().capture_begin(),
        lambda x: nn.parallel.comm.broadcast(x, [0, 1]),
        lambda x: torch.UntypedStorage(8, device="cuda"),
        lambda x: x.to_mkldnn(),
        lambda x: torch.nested.nested_tensor([x, x], layout=torch.jagged),
        lambda x: x.__cuda_array_interface__,
        lambda x: x.__dlpack__(),
        lambda x: torch.from_dlpack(x),
        lambda x: torch.utils.dlpack.to_dlpack(x),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_done_faithfully_is_not_simulated(impossible: Any) -> None:
    with pytest.raises(NotSimulated), simulated_gpu.on():
        impossible(torch.ones(2, 3, device="cuda"))


def test_not_simulated_comes_out_even_where_it_is_caught() -> None:
    def swallows() -> None:
        with contextlib.suppress(Exception):
            torch.cuda.CUDAGraph()

    def wraps() -> None:
        try:
            torch.cuda.CUDAGraph()
        except Exception as error:
            raise ValueError("wrapped") from error

    for submission in (swallows, wraps):
        with pytest.raises(NotSimulated, match="CUDAGraph is not simulated"), simulated_gpu.on():
            submission()


def test_what_is_recorded_as_a_graph_runs_as_it_is_written() -> None:
    with simulated_gpu.on():
        x = torch.ones(2, device="cuda")
        recorded = torch.cuda.make_graphed_callables(lambda x: x + 1, (x,))
        assert recorded(x).tolist() == [2, 2]
        recorded = torch.cuda.make_graphed_callables(lambda x: x + torch.ones(2), (x,))
        with pytest.raises(RuntimeError, match="two devices"):
            recorded(x)


@pytest.mark.parametrize(
    "mixes",
    [
        lambda x: torch.sparse.mm(torch.eye(2).to_sparse(), x),
        lambda x: torch.sparse_coo_tensor(torch.tensor([[0], [1]]), x[0, :1]),
        lambda x: nn.Linear(3, 2)(torch.nested.nested_tensor([x, x])),
        lambda x: torch.jit.script(nn.Linear(3, 3))(x),
        lambda x: nn.DataParallel(nn.Linear(3, 3))(x),
        lambda x: x + torch.empty(0).set_(x.untyped_storage().cpu(), 0, (2, 3)),
        lambda x: torch.ops.aten.to.device(x, torch.device("cpu"), torch.float32) + x,
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_nothing_of_this_hides_a_tensor_on_the_cpu(mixes: Any) -> None:
    told = r"(two devices|on device cuda:0).*cpu"
    with pytest.raises(RuntimeError, match=told), simulated_gpu.on():
        mixes(torch.ones(2, 3, device="cuda"))


def test_a_default_type_of_tensors_is_a_default_device() -> None:
    before = torch.get_default_dtype()
    try:
        with simulated_gpu.on():
            for kind in ("torch.cuda.DoubleTensor", torch.cuda.DoubleTensor):
                torch.set_default_tensor_type(kind)
                assert str(torch.zeros(2).device) == "cuda:0"
                assert torch.zeros(2).dtype == torch.float64
                torch.set_default_tensor_type(torch.FloatTensor)
                assert str(torch.zeros(2).device) == "cpu"
                assert torch.zeros(2).dtype == torch.float32
    finally:
        torch.set_default_dtype(before)


def test_a_default_device_does_not_reach_into_operations() -> None:
    with simulated_gpu.on():
        torch.set_default_device("cuda")
        assert str(plus_nothing(torch.ones(2)).device) == "cuda:0"


def test_a_script_is_not_simulated() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(nn.Linear(2, 2))
    with pytest.raises(NotSimulated), simulated_gpu.on():
        script.to("cuda")(torch.ones(1, 2, device="cuda"))
    assert script.cpu()(torch.ones(1, 2)).shape == (1, 2)
