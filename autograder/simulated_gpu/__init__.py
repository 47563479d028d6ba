"""A simulated CUDA device: while it is on, tensors say that they are on "cuda:0", with real values.

A tensor on the simulated GPU is an ordinary CPU tensor whose *storage* carries a tag, the device
(place.py). A TorchFunctionMode sees every call of torch's public functions, refuses what CUDA
refuses, runs the rest on the CPU and tags the results (rules.py). So values, gradients and aliasing
are the CPU's own, and nothing below Python could abort the process. What the mode cannot see is
replaced for as long as the simulation is on (cuda.py, below.py).

What cannot be done faithfully raises NotSimulated, and `on` raises it again at its end, in case that
a submission caught it: the check is then not run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn

from autograder.language import _
from autograder.patched import patched
from autograder.simulated_gpu.below import changes
from autograder.simulated_gpu.cuda import CUDA
from autograder.simulated_gpu.place import NotSimulated, missed, state
from autograder.simulated_gpu.rules import LACKING, MODE, listening

__all__ = ["TESTED", "NotSimulated", "forget", "gave_up", "on", "plain", "prepare", "supported"]

# The versions of torch on which all of tests/test_simulated_gpu.py has run.
TESTED = ("2.9", "2.13", "2.14")


@contextmanager
def on() -> Iterator[None]:
    """While it is on, this machine has two GPUs, "cuda:0" and "cuda:1"; then all is as before."""
    state.start()
    for generator in CUDA["default_generators"]:
        generator.manual_seed(torch.initial_seed())
    autocast = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    try:
        with patched(changes()), MODE:
            yield
    except Exception as error:
        if gave_up(error):
            raise
        if state.missed is None and not LACKING.search(str(error)):
            raise
        raise state.missed or missed(_("What is called here")) from error
    finally:
        while listening():  # below a mode that was left behind
            torch.overrides._pop_mode()  # type: ignore[no-untyped-call]
        default = torch.utils._device.CURRENT_DEVICE
        if default is not None and default.type == "cuda":
            torch.set_default_device(None)
        torch.set_autocast_enabled("cuda", autocast[0])
        torch.set_autocast_dtype("cuda", autocast[1])
    if state.missed is not None:
        raise state.missed


def gave_up(error: BaseException) -> bool:
    """Whether it is the simulation that has raised this: a submission may raise it as well."""
    return error is state.missed


def forget(error: BaseException) -> None:
    """Nothing that is checked hangs on what the simulation has given up here."""
    if gave_up(error):
        state.missed = None


def plain(value: Tensor) -> Tensor:
    """The ordinary CPU tensor that a simulated one holds: a copy, with no history."""
    with torch._C.DisableTorchFunction():
        return value.detach().clone()


@cache
def supported() -> str:
    """Why no GPU can be simulated with this torch, in a sentence; "" if one can."""
    version = ".".join(torch.__version__.split(".")[:2])
    if version not in TESTED:
        sentence = _("torch {version} is not among those the simulated GPU is tested with.")
        return sentence.format(version=torch.__version__)
    try:
        with on():
            x = torch.ones(2, device="cuda", requires_grad=True)
            (grad,) = torch.autograd.grad((x * x).sum(), x)
            works = str(x[1:].detach().device) == str(grad.device) == "cuda:0"
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        sentence = _("This torch lacks what the simulated GPU needs ({reason}).")
        return sentence.format(reason=reason)
    return "" if works else _("This torch lacks what the simulated GPU needs.")


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
