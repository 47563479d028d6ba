"""Recorded observations: what the reference shows at the public seed, kept beside the stubs.

With them `autograder check` judges without a solution. The tensors are safetensors; its metadata
hold the rest as JSON, with a digest of the checks that they were recorded with.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy

from autograder.compare import difference
from autograder.course import Assignment
from autograder.errors import CourseError
from autograder.judge import Expected, Reference
from autograder.language import _
from autograder.observation import Observed, pack, unpack

PUBLIC_SEED = 0
VERSION = 1  # of this format


def save(reference: Reference, assignment: Assignment, checks: Path) -> bytes:
    """A reference at the public seed -> the bytes of its recording. Raises CourseError."""
    if left_out := [c.id for c in assignment.checks if (c.id, False) not in reference]:
        raise CourseError(
            f"{', '.join(left_out)} cannot be recorded, as no GPU can be simulated here; record with "
            "another version of torch."
        )
    arrays: dict[str, Any] = {}
    entries = []
    for number, ((check, apart), expected) in enumerate(reference.items()):
        tree, tensors = pack(expected.observed)
        arrays |= {f"{number}/{key}": array for key, array in tensors.items()}
        entries.append(
            {"check": check, "apart": apart, "tolerances": dict(expected.tolerances), **tree}
        )
    about = {"version": VERSION, "seed": PUBLIC_SEED, "checks": digest(checks)}
    metadata = {"about": json.dumps(about), "entries": json.dumps(entries, ensure_ascii=False)}
    return safetensors.numpy.save(arrays, metadata)


def load(path: Path, checks: Path) -> Reference:
    """A recording -> the reference. Raises CourseError when it is damaged or of other checks."""
    if not path.is_file():
        raise CourseError(
            _("{path} is missing; take it from the hand-out again.").format(path=path)
        )
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            about = json.loads(metadata["about"])
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        entries = json.loads(metadata["entries"])
        reference = {}
        for number, entry in enumerate(entries):
            prefix = f"{number}/"
            own = {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}
            observed = unpack({"observed": entry["observed"]}, own)
            assert isinstance(observed, Observed)
            reference[entry["check"], entry["apart"]] = Expected(observed, entry["tolerances"])
    except Exception as error:
        raise CourseError(
            _("{path} is damaged ({error}); take it from the hand-out again.").format(
                path=path, error=type(error).__name__
            )
        ) from None
    if about.get("version") != VERSION or about.get("checks") != digest(checks):
        raise CourseError(
            _(
                "{path} was recorded with other checks than the ones installed; take both from "
                "the same hand-out."
            ).format(path=path)
        )
    return reference


def drift(path: Path, checks: Path, reference: Reference, axes: Mapping[str, str]) -> str:
    """How a recording differs from what the reference shows now; "" when it does not."""
    if not path.is_file():
        return "it is missing"
    try:
        recorded = load(path, checks)
    except CourseError as error:
        return str(error)
    if recorded.keys() != reference.keys():
        return "other checks are recorded"
    for key, now in reference.items():
        then = recorded[key]
        if list(then.observed.values) != list(now.observed.values):
            return f"{key[0]} observes other things now"
        found = difference(then.observed, now.observed, then.tolerances, axes)
        if found:
            return f"{key[0]}: {found}"
    return ""


def digest(checks: Path) -> str:
    """A digest of the checks' source: a recording fits these checks only."""
    text = checks.read_text("utf-8").replace("\r\n", "\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]
