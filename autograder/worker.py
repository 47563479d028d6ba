"""The isolated process that runs one submission: files in, observations out.

It runs after the fork of the warm process, and talks in frames over one socket: first the job (the
student's files, as bytes), answered with what became of the import; then one check at a time. It
never holds an expected value, and what it says is believed by nobody: the judge compares numbers.
"""

import difflib
import linecache
import os
import random
import socket
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from autograder import absent, attempts, frames, noticed, shortcuts, simulated_gpu
from autograder.check import Check, Inseparable, Unexpected, describe, marks
from autograder.draw import Draw
from autograder.gpu import OnGPU, OnlyOnce, OnRealGPU, RealGPU, default_gpu
from autograder.language import Text, _, english
from autograder.limits import DEFAULT
from autograder.notes import ALIAS, FAILED, LEFT_OUT, STOPPED
from autograder.noticed import Spot
from autograder.observation import (
    NOT_SIMULATED,
    Observed,
    Other,
    Place,
    Raised,
    Tensor,
    Value,
    pack,
)
from autograder.source import Part, UnreadableSource, placeholders, read_notebook, read_python

RECURSION_LIMIT = 1000
LINE = 200  # characters of a line of source that are shown


class MissingDefinition(Exception):
    """The student's module lacks a public name."""


class GPUByDefault(Exception):
    """The student's module makes every tensor on a GPU, and there is none."""


# Errors whose messages are the grader's own sentences, or mean that a check could not be run.
OURS = (
    Unexpected,
    Inseparable,
    MissingDefinition,
    GPUByDefault,
    UnreadableSource,
    simulated_gpu.NotSimulated,
    OnlyOnce,
)


class StudentModule(ModuleType):
    """A student's module: asks for a missing class in a sentence, not with an AttributeError."""

    __slots__ = ("gpu_by_default", "on_gpu")  # not among what the student defines

    __file__: str
    gpu_by_default: bool
    on_gpu: "OnGPU[StudentModule] | OnRealGPU[StudentModule]"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        classes = [n for n, v in vars(self).items() if isinstance(v, type) and _is_own(v, self)]
        near = difflib.get_close_matches(name, classes, n=1, cutoff=0.6)
        if near:
            sentence = _("{file} defines no {name}; it defines {others}: rename that to {name}.")
        elif classes:
            sentence = _("{file} defines no {name} (only {others}); keep the stub's class names.")
        else:
            sentence = _("{file} defines no {name}, nor any other class; start from the stub.")
        file, others = os.path.basename(self.__file__), ", ".join(near or sorted(classes)[:8])
        raise MissingDefinition(sentence.format(file=file, name=name, others=others))


def serve(
    channel: socket.socket,
    checks: Mapping[str, Mapping[str, Check]],
    aliases: Mapping[str, Mapping[str, tuple[str, ...]]],
    lock_down: Callable[..., None],
    *,
    gpu: bool,
) -> None:
    """Answer the judge's requests until it closes the channel. `gpu`: in a worker for the real GPU."""

    module, assignment, real = None, "", None
    setattr(torch, "compile", as_written)  # noqa: B010
    try:
        while True:
            request, files = frames.read(partial(frames.receive, channel), limits=None)
            if "check" not in request:
                if not assignment:
                    lock_down(request["home"], gpu=gpu)
                    real = RealGPU() if gpu else None
                    main = Path(request["home"], request["main"])
                    attempts.watch(request["home"], _own_files(main))
                assignment = request["assignment"]
                module, answer = _import_job(request, files, aliases[assignment], real)
                shortcuts.called()  # while it was imported: no TODO asked for that
                channel.sendall(frames.encode({**answer, **_noticed(shortcuts.mentioned())}))
            if module is None:
                return
            if "check" in request:
                if real:
                    real.reset(request["rng"])
                observation = run_check(
                    checks[assignment][request["check"]],
                    module,
                    request["seed"],
                    request["dtype"],
                    apart=request["apart"],
                    rng=request["rng"],
                )
                tree, arrays = pack(observation)
                tree |= _noticed(called=shortcuts.called())
                channel.sendall(frames.encode(tree, arrays))
    except EOFError:
        return


def as_written(model: Any = None, *args: Any, **kwargs: Any) -> Any:
    """torch.compile: to compile takes a C++ compiler and seconds, and computes the same."""
    if isinstance(model, nn.Module):
        vars(model)["_orig_mod"] = model  # what a compiled one calls the one that it is made of
    return (lambda model: model) if model is None else model


def _noticed(
    mentioned: Set[tuple[str, Spot]] = frozenset(), called: Set[tuple[str, Spot]] = frozenset()
) -> Mapping[str, Any]:
    """What goes along with a reply."""
    return noticed.pack(mentioned=mentioned, called=called, attempted=attempts.new())


def _import_job(
    job: Mapping[str, Any],
    files: Mapping[str, NDArray[Any]],
    aliases: Mapping[str, tuple[str, ...]],
    real: RealGPU | None,
) -> tuple[StudentModule | None, dict[str, Any]]:
    """Write a submission's files to its home, and import the main one."""
    home = Path(job["home"])
    for name, data in zip(job["files"], (files[k] for k in sorted(files)), strict=True):
        target = home / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.tobytes())
        except OSError:
            # A name that is too long here, or at odds with another: a helper at most.
            if name == job["main"]:
                raise
    main = home / job["main"]
    return import_submission(main, job["assignment"], aliases, real, on_gpu=job["on_gpu"])


def import_submission(
    path: Path,
    name: str,
    aliases: Mapping[str, tuple[str, ...]],
    real: RealGPU | None = None,
    *,
    on_gpu: bool = False,
) -> tuple[StudentModule | None, dict[str, Any]]:
    """Run a student's file as a module. Returns it, and what to tell the judge about it.

    `real`: the real GPU, where this is a worker for it. `on_gpu`: it is run where the simulated one
    is, and nowhere else.
    """

    def make() -> StudentModule:
        module = StudentModule(name)
        module.__file__ = str(path)
        sys.modules[name] = module
        return module

    sys.modules.pop(name, None)
    last = next(reversed(sys.modules))
    module = make()
    # Appended: a student's helper can be imported, and never shadows an installed package.
    sys.path.append(str(path.parent))
    sys.argv = [path.name]
    os.chdir(path.parent)
    notes: list[list[str | int]] = []
    try:
        reader = read_notebook if path.suffix.lower() == ".ipynb" else read_python
        source = reader(path.read_bytes(), path.name)
        notes += source.notes
        shortcuts.read(_own_files(path), source.texts)
        for file, text in source.texts.items():
            linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        untouched = placeholders(source.texts.values())
        execute = partial(_execute, parts=source.parts, aliases=aliases)
        simulated = OnGPU(str(path.parent), last, make, execute, alone=on_gpu)
        with _quiet():
            if on_gpu:
                module = simulated.module()
            else:
                notes += execute(module)
    except BaseException as error:
        return None, {"failed": pack(_raised(error, files=_own_files(path)))[0]}
    module.gpu_by_default = not real and default_gpu() is not None
    module.on_gpu = OnRealGPU(real, module, default_gpu()) if real else simulated
    return module, {"imported": True, "placeholders": sorted(untouched), "notes": notes}


def _execute(
    module: StudentModule, parts: Sequence[Part], aliases: Mapping[str, tuple[str, ...]]
) -> list[list[str | int]]:
    """Run a student's code in a module. Returns notes on it; see `notes`."""
    notes: list[list[str | int]] = []
    absent.used.clear()
    for part in parts:
        try:
            exec(part.code, vars(module))
        except Exception as error:
            home = os.path.dirname(str(module.__file__))
            reason = _cut(f"{type(error).__name__}: {_without(home, str(error))}")
            if part.optional:
                notes.append([FAILED, part.cell, part.line, reason])
            elif not part.cell and _is_complete(module, aliases):
                # A training loop at the end of a file, say, whose data is not here.
                lines = traceback.walk_tb(error.__traceback__)
                file = part.code.co_filename
                line = next((n for frame, n in lines if frame.f_code.co_filename == file), 0)
                notes.append([STOPPED, line, reason])
                simulated_gpu.forget(error)
            else:
                raise
    for public, others in aliases.items():
        found = next((other for other in others if other in vars(module)), None)
        if public not in vars(module) and found:
            setattr(module, public, vars(module)[found])
            notes.append([ALIAS, found, public])
    return notes + [[LEFT_OUT, package] for package in sorted(absent.used)]


def run_check(
    one: Check, module: StudentModule, seed: int, dtype: str, *, apart: bool, rng: int
) -> Observed | Raised:
    """Run one check, from the same starting state whatever the submission did before.

    `rng` seeds the random numbers that the submission itself draws.
    """
    home = os.path.dirname(module.__file__)
    on_gpu = module.on_gpu if one.gpu else None
    if on_gpu and (reason := on_gpu.unusable()):
        message, shown = _both(reason)
        return Raised(NOT_SIMULATED, message, shown=shown)
    try:
        if not on_gpu and type(module) is StudentModule and module.gpu_by_default:
            # All that it does raises without a GPU, and the checks shall not hide that.
            sentence = _(
                "{file} has every tensor made on a GPU (torch.set_default_device), so that without "
                "one nothing in it works; ask torch.cuda.is_available() first."
            )
            raise GPUByDefault(sentence.format(file=os.path.basename(module.__file__)))
        if on_gpu:
            with _quiet():
                _reset_state(dtype, home, rng)
                module = on_gpu.module()
            shortcuts.called()  # while it was executed: no TODO asked for that
        with _quiet():
            _reset_state(dtype, home, rng)
            with _unchanged(module), on_gpu.on() if on_gpu else nullcontext():
                if apart:
                    for stand_in in dict.fromkeys(one.apart.values()):
                        stand_in(module)
                values = one.run(module, Draw(seed, one.id))
                return Observed({name: observe(value) for name, value in values.items()})
    except BaseException as error:
        files = _own_files(Path(module.__file__))
        return _raised(error, files=files, check=one, own=vars(module))


@contextmanager
def _unchanged(module: ModuleType) -> Iterator[None]:
    """What is put into a module meanwhile, or said of it, is taken out again."""
    saved = dict(vars(module))
    marks(module).clear()
    try:
        yield
    finally:
        marks(module).clear()
        vars(module).clear()
        vars(module).update(saved)


def observe(value: Any, depth: int = 3) -> Value:
    """A student's value as plain data. Only an exact, dense torch tensor counts as a tensor."""
    if type(value) is int and abs(value) >= 2**63:
        return Other(*_both(_("a huge number")))
    if value is None or type(value) in (bool, int, float, str, Text):
        return _cut(english(value)) if isinstance(value, str) else value
    if type(value) in (list, tuple) and depth and len(value) <= 64:
        return [observe(item, depth - 1) for item in value]
    if type(value) not in (torch.Tensor, nn.Parameter):
        return Other(*_both(describe(value)))
    if value.layout != torch.strided or value.is_quantized or value.device.type == "meta":
        return Other(*_both(_("a sparse, quantised or empty (meta) tensor")))
    if value.ndim > frames.MOST_AXES:
        return Other(*_both(_("a tensor with {count} axes").format(count=value.ndim)))
    shape = tuple(value.shape)
    if value.is_complex():
        return Other(*_both(_("a complex tensor of shape {shape}").format(shape=shape)))
    if value.numel() * max(value.element_size(), 4) > DEFAULT.tensor:
        large = _("a tensor of shape {shape}, too large to compare").format(shape=shape)
        return Other(*_both(large))
    plain = value.detach().resolve_conj().resolve_neg().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array = np.array(plain.numpy())
    return Tensor(array, str(value.dtype).removeprefix("torch."), str(value.device))


def _reset_state(dtype: str, home: str, rng: int) -> None:
    """Undo what a submission may have changed for the whole process: a right answer keeps its marks."""
    torch.set_default_device(None)
    torch.set_default_dtype(getattr(torch, dtype))
    torch.set_grad_enabled(True)
    torch.autograd.set_detect_anomaly(False)
    if torch.are_deterministic_algorithms_enabled():  # setting it loads half of torch, so only then
        torch.use_deterministic_algorithms(False)
    torch.set_autocast_enabled("cpu", False)
    torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]
    torch.set_num_threads(1)
    torch.default_generator.manual_seed(rng)  # torch.manual_seed looks for GPUs each time
    torch.set_float32_matmul_precision("highest")
    # oneDNN compiles code for each new shape: milliseconds, in every worker.
    torch._C._set_mkldnn_enabled(False)
    np.random.seed(rng)
    np.seterr(all="warn")
    random.seed(rng)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    os.chdir(home)


@contextmanager
def _quiet() -> Iterator[None]:
    """The standard streams are the worker's own pipes again, whatever a student put there."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
    try:
        yield
    finally:
        sys.setrecursionlimit(RECURSION_LIMIT)  # nothing of ours runs under a student's limit
        for stream in (sys.__stdout__, sys.__stderr__):
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError):
                pass  # the student closed it


def _raised(
    error: BaseException,
    *,
    files: tuple[str, ...],
    check: Check | None = None,
    own: Mapping[str, Any] | None = None,
) -> Raised:
    """An error as plain data. The student's code is in `files`, or has `own` for its globals."""
    step, place = "", None
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        text = linecache.getline(file, line).strip()
        if check is not None and file == check.run.__code__.co_filename:
            step = text if place is None else step  # not where a check looks over its shoulder
        elif file.startswith(files) or frame.f_globals is own:
            place = Place(_cut(os.path.basename(file)), line, text[:LINE])
    if isinstance(error, SyntaxError) and check is None and error.filename:
        text = (error.text or "").strip()
        place = Place(_cut(os.path.basename(error.filename)), error.lineno or 0, text[:LINE])
        return Raised(type(error).__name__, _cut(error.msg or ""), step, place)
    if isinstance(error, Unexpected | Inseparable | MissingDefinition | GPUByDefault):
        place = None
    kind = type(error).__name__
    made_up = isinstance(error, simulated_gpu.NotSimulated) and not simulated_gpu.gave_up(error)
    if kind in {one.__name__ for one in OURS} and (made_up or not isinstance(error, OURS)):
        kind = f"{type(error).__module__}.{kind}"  # a student's own class, by one of our names
    try:
        said = error.args[0] if error.args and type(error.args[0]) is Text else str(error)
        message, shown = _both(said)
        message = _without(files[1], message)
    except Exception:
        message = shown = ""
    return Raised(_cut(kind), _cut(message), step, place, _cut(shown))


def _without(home: str, message: str) -> str:
    """The folder that the worker happened to get means nothing to a student."""
    return message.replace(f"{home}{os.sep}", "").replace(home, ".")


def _both(text: str) -> tuple[str, str]:
    """A text of ours in English, and in the student's language if that is another."""
    in_english = str(english(text))
    return in_english, "" if text == in_english else str(text)


def _is_complete(module: ModuleType, aliases: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether every public class is defined."""
    return all(
        any(isinstance(vars(module).get(name), type) for name in (public, *others))
        for public, others in aliases.items()
    )


def _own_files(path: Path) -> tuple[str, ...]:
    """Prefixes of code file names that are the student's: the main file (or its cells), helpers."""
    return (path.name, str(path.parent))


def _is_own(value: type, module: ModuleType) -> bool:
    return value.__module__ == module.__name__


def _cut(text: str) -> str:
    return text[: DEFAULT.text]
