"""Recorded mistakes: what the catalogue's variants show at the public seed, kept beside the stubs.

With them `autograder check` names mistakes without a solution or a catalogue: a recording holds
samples of what was seen and what to tell the student, and no source.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograder.course import PACKAGE, Assignment, CheckInfo, Course
from autograder.diagnose import Candidate, Catalogue, Runs, Shown, all_checks, same
from autograder.errors import CourseError
from autograder.language import _
from autograder.observation import Died, NotRun, Raised, pack, unpack
from autograder.variants import Behaviour, Variant

VERSION = 1  # of this format
# The modules that decide what is recorded.
ENGINE = (
    *("check", "compare", "diagnose", "draw", "gpu", "named_gpu", "observation", "origins"),
    *("simulated_gpu/*", "variants", "worker"),
)


# What is shown on the GPU by a mistake that shows without one: nobody who is right there has made it.
NOT_ASKED = Shown(Raised("NotAsked", ""))


class Recorded:
    """What known mistakes show, from a recording; a stand-in for the Catalogue. No pairs."""

    def __init__(
        self, variants: Sequence[Variant], shown: Mapping[tuple[str, str, bool], Shown]
    ) -> None:
        self._variants, self._shown = variants, shown
        self._right = Candidate((), "")

    @property
    def right(self) -> Candidate:
        """The reference."""
        return self._right

    def singles(self, todo: str) -> list[Candidate]:
        """Every recorded behaviour; in the place of a source stands its number."""
        return [Candidate((v,), v.sources[0]) for v in self._variants if v.todo == todo]

    def pairs(self, todo: str) -> list[Candidate]:
        return []

    def show(self, candidates: Sequence[Candidate], check: CheckInfo, runs: Runs) -> list[Shown]:
        """What each candidate shows in a check."""
        apart = runs.apart and bool(check.apart)
        keys = [f"{check.todo} {c.source}" for c in candidates]
        found = [self._shown.get((key, check.id, apart), NOT_ASKED) for key in keys]
        return found if runs.twice else [Shown(shown.observation) for shown in found]

    def close(self) -> None:
        """Nothing is held open."""


def save(catalogue: Catalogue, assignment: Assignment, digest: str) -> bytes:
    """Run every variant at the catalogue's seed -> the bytes of its recording."""
    pool = _Pool()
    variants: list[dict[str, Any]] = []
    seen: list[tuple[str, str, bool, int]] = []
    for todo in assignment.todos:
        candidates = catalogue.singles(todo)
        for number, candidate in enumerate(candidates):
            (variant,) = candidate.variants
            texts = {"hint": dict(variant.hint), "feedback": dict(variant.feedback)}
            about = {"id": variant.id, "todo": todo, "accepted": variant.accepted}
            variants.append({**about, **texts, "number": str(number)})
        candidates = [*candidates, catalogue.right]
        keys = [f"{todo} {number}" for number in range(len(candidates) - 1)] + [f"{todo} "]
        known = dict(zip(keys, candidates, strict=True))
        right = known
        for check in sorted(all_checks(assignment, todo), key=lambda check: check.gpu):
            # The GPU is asked only about what is right without one: so does a diagnosis.
            asked = right if check.gpu else known
            for apart in (False, True) if check.apart else (False,):
                shown = catalogue.show(list(asked.values()), check, Runs(apart, twice=True))
                found = dict(zip(asked, shown, strict=True))
                seen += [(key, check.id, apart, pool.add(one)) for key, one in found.items()]
                if not (check.clue or check.gpu or apart):
                    as_right = {key for key, one in found.items() if same(one, shown[-1])}
                    right = {key: one for key, one in right.items() if key in as_right}
    text = json.dumps(
        {
            "version": VERSION,
            "digest": digest,
            "variants": variants,
            "seen": seen,
            "entries": pool.entries,
        },
        ensure_ascii=False,
    )
    file = io.BytesIO()
    about_text = np.frombuffer(text.encode(), dtype=np.uint8)
    np.savez_compressed(file, about=about_text, numbers=np.array(pool.numbers, dtype=np.float32))
    return file.getvalue()


class _Pool:
    """Observations, each once: many mistakes show the same as the reference in most checks."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.numbers: list[float] = []
        self._known: dict[str, int] = {}

    def add(self, shown: Shown) -> int:
        """The number of an observation's entry."""
        observation = shown.observation
        if isinstance(observation, Raised):
            observation = replace(observation, place=None)  # it quotes the solution
        if isinstance(observation, Died | NotRun):
            why = observation.detail if isinstance(observation, Died) else observation.reason
            raise CourseError(f"a variant cannot be recorded: {why}.")
        tree, arrays = pack(observation)
        flat = {key: array.reshape(-1).tolist() for key, array in arrays.items()}
        content = json.dumps([tree, sorted(shown.random), flat])
        if content not in self._known:
            places = {}
            for key, values in flat.items():
                places[key] = [len(self.numbers), len(values)]
                self.numbers += values
            self._known[content] = len(self.entries)
            random = sorted(shown.random)
            self.entries.append({"tree": tree, "arrays": places, "random": random})
        return self._known[content]


def load(path: Path) -> Recorded | None:
    """A recording -> what known mistakes show. None: there is none. Raises CourseError."""
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            about = json.loads(file["about"].tobytes())
            numbers = file["numbers"].astype(float)
        if about["version"] != VERSION:
            raise ValueError("another version")
        entries = [_shown(entry, numbers) for entry in about["entries"]]
        shown = {(key, check, apart): entries[n] for key, check, apart, n in about["seen"]}
        variants = [
            Variant(
                id=v["id"],
                todo=v["todo"],
                accepted=v["accepted"],
                behaviours=(Behaviour(v["number"]),),
                hint=v["hint"],
                feedback=v["feedback"],
            )
            for v in about["variants"]
        ]
    except Exception as error:
        raise CourseError(
            _("{path} is damaged ({error}); take it from the hand-out again.").format(
                path=path, error=type(error).__name__
            )
        ) from None
    return Recorded(variants, shown)


def _shown(entry: Mapping[str, Any], numbers: NDArray[np.float64]) -> Shown:
    arrays = {k: numbers[start : start + size] for k, (start, size) in entry["arrays"].items()}
    return Shown(unpack(entry["tree"], arrays, samples=True), frozenset(entry["random"]))


def digest(course: Course, name: str) -> str:
    """A digest of all that a recording of mistakes is made from."""
    engine = [path for name in ENGINE for path in sorted(PACKAGE.glob(f"{name}.py"))]
    variants = course.solutions / "variants" / f"{name}.toml"
    found = hashlib.sha256()
    for path in (course.solution(name), variants, course.check_files[name], *engine):
        if path.is_file():
            found.update(path.read_text("utf-8").encode())  # newlines are translated
    if course.settings_file:
        for pair in sorted(course.settings.accepted(name)):
            found.update(repr(pair).encode())
    return found.hexdigest()[:16]


def recorded_digest(path: Path) -> str:
    """The digest that a recording was made with; "" where there is none that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return str(json.loads(file["about"].tobytes())["digest"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return ""
