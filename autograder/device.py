"""Where checks on a GPU run: on a real one, where a locked worker can use it, else on the simulated one.

Like the tier, it is proven and not configured: a probe is handed in as a submission. Nothing here, and
nothing in the warm process, touches CUDA: what is forked after that cannot use it.
"""

import glob

from autograder import results
from autograder.errors import UsageError
from autograder.language import _
from autograder.limits import DEFAULT
from autograder.observation import Died, Raised
from autograder.pool import Job, Workers

AUTO, REAL, SIMULATED = "auto", results.REAL, results.SIMULATED

PROBE = b"""
import torch

x = torch.ones(4, 4, device="cuda", requires_grad=True)
(x @ x).sum().backward()
assert x.grad.cpu().sum() == 128
"""


def choose(warm: Workers, wanted: str) -> str:
    """The device for `warm.device`. Raises UsageError where a real GPU is wanted and cannot be used."""
    if wanted == SIMULATED:
        return SIMULATED
    reason = unusable(warm)
    if wanted == REAL and reason:
        raise UsageError(
            _(
                "no GPU can be used here ({reason}); leave out --device real to simulate one."
            ).format(reason=reason)
        )
    return SIMULATED if reason else REAL


def unusable(warm: Workers) -> str:
    """Why a locked worker cannot use a real GPU here, in a few words; "" if it can."""
    if not glob.glob("/dev/nvidia[0-9]*"):
        return _("this machine has no NVIDIA GPU, or no driver for it")
    name = str(warm.summaries[0]["name"])
    with warm.worker(Job(name, "probe.py", {"probe.py": PROBE}), DEFAULT, gpu=True) as worker:
        match worker.imported:
            case Raised(kind, message):
                return f"{kind}: {message}".splitlines()[0]
            case Died(_verdict, detail):
                return detail
    return ""
