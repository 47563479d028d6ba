"""Where there is no GPU, what another TODO makes on one by its name is made on the CPU.

For checks that look at one TODO apart: a hard-coded "cuda" raises before they see anything of it. What
was made so is remembered, because in the TODO itself it is a mistake.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ASKED = "asked for a GPU"  # an attribute of a storage: what shares the memory shares it


# These say which device is meant, and make nothing: `_parse_to` for `Module.to`, tensor by tensor.
NAMES = torch.device, torch._C._nn._parse_to


class NamedGPU(TorchFunctionMode):
    """While it is on (and `off` is not set), a GPU that is named is the CPU. `named`: one was."""

    off = False
    named = False

    def __enter__(self) -> Any:
        # These are no functions that a mode sees.
        ours = {} if self.off else {"current_device": lambda: 0, "FloatTensor": self._float_tensor}
        self._theirs = {name: vars(torch.cuda)[name] for name in ours}
        vars(torch.cuda).update(ours)
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        vars(torch.cuda).update(self._theirs)

    def _float_tensor(self, *args: Any) -> Tensor:
        self.named = True
        made: Tensor = _asked(torch.FloatTensor(*args))
        return made

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.off:
            return func(*args, **kwargs)
        if func in NAMES:
            if args and type(args[0]) is int:  # torch would look for a GPU
                args = torch.device(f"cuda:{args[0]}"), *args[1:]
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "cuda" and isinstance(args[0], Tensor):
            self.named = True
            return _asked(args[0])
        args, named = _on_cpu(args, number=name == "to")
        kwargs, also_named = _on_cpu(kwargs, number=name == "to")
        result = func(*args, **kwargs)
        if named or also_named:
            self.named = True
            return _asked(result)
        return result


def asked(module: nn.Module) -> list[Tensor]:
    """The parameters and buffers that were made on a GPU by its name."""
    tensors = (*module.parameters(), *module.buffers())
    return [tensor for tensor in tensors if ASKED in vars(tensor.untyped_storage())]


def _asked(value: Any) -> Any:
    if isinstance(value, Tensor):
        setattr(value.untyped_storage(), ASKED, True)
    return value


def _on_cpu(values: Any, *, number: bool) -> tuple[Any, bool]:
    """Arguments in which no GPU is named, and whether one was."""
    pairs = list(values.items()) if isinstance(values, dict) else list(enumerate(values))
    found = {key: "cpu" if _is_gpu(key, value, number) else value for key, value in pairs}
    named = any(_is_gpu(key, value, number) for key, value in pairs)
    return (found if isinstance(values, dict) else tuple(found.values())), named


def _is_gpu(key: Any, value: Any, number: bool) -> bool:
    if isinstance(value, str):
        return value.partition(":")[0] == "cuda"
    if isinstance(value, torch.device):
        return value.type == "cuda"
    return (key == "device" or (number and key == 1)) and type(value) is int
