"""Diagnosis: find the known mistake that behaves exactly like a submission's wrong TODO.

What a variant shows is computed when a TODO is first found wrong, and kept for the class. A
submission has a variant's mistake when both show the same in every check of the TODO, clues
included, as far as they can be compared; values to tolerance, errors by type, step and wording. What
differs from run to run (a random state, a dropout) must differ in both.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol
from zlib import crc32

import numpy as np

from autograder import language, results
from autograder.check import GIVEN, RAISES, REMARKS
from autograder.compare import FLOORS
from autograder.course import Assignment, CheckInfo, Course
from autograder.evidence import evidence
from autograder.judge import Reference, blocked, share
from autograder.language import _
from autograder.limits import DEFAULT
from autograder.observation import NOT_SIMULATED, Observation, Observed, Raised, Tensor, Value
from autograder.pool import Imported, Job, Warm, Worker
from autograder.results import TodoResult
from autograder.variants import Variant, load, pairs

NOISE = 3.0  # times the least tolerance: two wrong answers are not as exact as a right one
TWO_DEVICES = "on the same device"  # what torch says of tensors that are not on one
SAMPLES = 16  # entries of a tensor that are kept; with its mean and the mean of its magnitudes


class Known(Protocol):
    """What known mistakes show: a Catalogue, or a recording of one."""

    @property
    def right(self) -> "Candidate": ...
    def singles(self, todo: str) -> "list[Candidate]": ...
    def pairs(self, todo: str) -> "list[Candidate]": ...
    def show(
        self, candidates: "Sequence[Candidate]", check: CheckInfo, runs: "Runs"
    ) -> "list[Shown]": ...


# Shows one check, its other TODOs as they are or stood in, in the run of a seed.
Look = Callable[[CheckInfo, bool, int], Observation]


@dataclass(frozen=True)
class Shown:
    """What is shown in a check: an observation with sampled tensors, and which names are random."""

    observation: Observation
    random: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A behaviour of a variant, or of two at once, as a solution with it. No variant: the solution."""

    variants: tuple[Variant, ...]
    source: str


class Catalogue:
    """The variants of one assignment and what they show at one seed, for a whole class.

    What they show is computed when it is first asked for, and then kept.
    """

    def __init__(
        self,
        warm: Warm,
        course: Course,
        assignment: Assignment,
        seed: int,
        bench: "Bench | None" = None,
    ) -> None:
        self._course, self._assignment = course, assignment
        self._lock = threading.Lock()
        self._shown: dict[tuple[str, str, Runs], Shown] = {}
        self._bench = bench or Bench(warm, seed)

    @cached_property
    def _variants(self) -> tuple[Variant, ...]:
        return load(self._course, self._assignment.name)

    @cached_property
    def right(self) -> Candidate:
        """The reference."""
        return Candidate((), self._course.solution(self._assignment.name).read_text("utf-8"))

    def singles(self, todo: str) -> list[Candidate]:
        """Every behaviour of a TODO's mistakes, also of those that the course accepts."""
        with self._lock:
            of_todo = [v for v in self._variants if v.todo == todo and v.feedback]
            return [Candidate((v,), source) for v in of_todo for source in v.sources]

    def pairs(self, todo: str) -> list[Candidate]:
        """Two mistakes at once in a TODO, where they can be combined."""
        with self._lock:
            of_todo = [v for v in self._variants if v.todo == todo]
            mistakes = [v for v in of_todo if not (v.accepted or v.alone)]
            return [Candidate((one, other), source) for one, other, source in pairs(mistakes)]

    def show(self, candidates: Sequence[Candidate], check: CheckInfo, runs: "Runs") -> list[Shown]:
        """What each candidate shows in a check."""
        with self._lock:
            for source in dict.fromkeys(candidate.source for candidate in candidates):
                if (source, check.id, runs) not in self._shown:
                    shown = self._bench.show(self._assignment.name, source, check, runs)
                    self._shown[source, check.id, runs] = shown
            return [self._shown[candidate.source, check.id, runs] for candidate in candidates]

    def close(self) -> None:
        """End the process that variants are run in."""
        self._bench.close()


@dataclass(frozen=True)
class Runs:
    """How checks are run: with other TODOs stood in, and twice, to see what is random."""

    apart: bool
    twice: bool = False

    def look(self, check: CheckInfo, look: Look) -> Shown:
        """Look at a check in this way, and keep samples of what was seen."""
        apart = self.apart and bool(check.apart)
        first = _sampled(look(check, apart, 0))
        if not (self.twice and isinstance(first, Observed)):
            return Shown(first)
        other = _sampled(look(check, apart, 1))
        values = other.values if isinstance(other, Observed) else {}
        random = (name for name, v in first.values.items() if not _equal(v, values.get(name)))
        return Shown(first, frozenset(random))


class Bench:
    """A worker in which variants are run, one after the other: they are ours, and trusted.

    The catalogues of a class share one: a worker takes tens of megabytes.
    """

    def __init__(self, warm: Warm, seed: int) -> None:
        self._warm, self._seed = warm, seed
        self._lock = threading.Lock()
        self._workers: dict[bool, Worker] = {}  # by whether it is for the real GPU

    def show(self, assignment: str, source: str, check: CheckInfo, runs: Runs) -> Shown:
        """What a source shows in a check."""
        with self._lock:
            worker = self._loaded(
                Job(assignment, f"{assignment}.py", {f"{assignment}.py": source.encode()}),
                gpu=check.gpu and self._warm.device == results.REAL,
            )

            def look(check: CheckInfo, apart: bool, rng: int) -> Observation:
                if not isinstance(worker.imported, Imported):
                    return worker.imported
                seconds = DEFAULT.check_seconds
                return worker.ask(
                    check.id, self._seed, "float64", apart=apart, rng=rng, seconds=seconds
                )

            return runs.look(check, look)

    def _loaded(self, job: Job, *, gpu: bool) -> Worker:
        worker = self._workers.get(gpu)
        if worker is None or worker.died:
            if worker:
                worker.close()
            self._workers[gpu] = worker = self._warm.worker(job, gpu=gpu)
        else:
            worker.imported = worker.load(job)
        return worker

    def close(self) -> None:
        """End the workers."""
        while self._workers:
            self._workers.popitem()[1].close()


def diagnose(
    assignment: Assignment,
    todos: Sequence[TodoResult],
    reference: Reference,
    look: Look,
    catalogue: Known,
) -> tuple[TodoResult, ...]:
    """The same results, with a diagnosis (or plain evidence) for each TODO that is wrong."""
    right = (results.PASSED, results.NOT_RUN)
    wrong = {todo.id for todo in todos if todo.verdict not in right}
    return tuple(
        _diagnosed(assignment, todo, wrong - {todo.id}, reference, look, catalogue)
        if todo.verdict in (results.FAILED, results.ERROR)
        else todo
        for todo in todos
    )


def _diagnosed(
    assignment: Assignment,
    todo: TodoResult,
    others: set[str],
    reference: Reference,
    look: Look,
    catalogue: Known,
) -> TodoResult:
    checks = all_checks(assignment, todo.id)
    messages = {c.id: c.message for c in todo.checks if c.ran and not c.passed}
    if set(messages.values()) <= set(map(blocked, others)):
        return todo  # nothing of it was seen
    failed = messages.keys()
    if any(check.id in failed and not check.gpu for check in checks):
        # What is wrong everywhere is named from what shows everywhere, however it is written.
        checks = [check for check in checks if not check.gpu]
    # What differs tells most, and costs most on the GPU.
    checks.sort(key=lambda check: (check.gpu, check.id not in failed))
    apart = any(others.intersection(check.apart) for check in checks)
    groups = find(catalogue, todo.id, checks, apart, look)
    fitting = [v for variants in groups for v in variants]
    if fitting and all(v.accepted for v in fitting):
        return _accepted(assignment, todo, fitting, apart, look, catalogue)
    only_on_gpu = all(check.gpu for check in checks if check.id in failed)
    if len(groups) != 1 and only_on_gpu and any(TWO_DEVICES in m for m in messages.values()):
        # One error has many causes: with more than one that fits, there may be others.
        said = _("It is right on a CPU. On a GPU something in the line below is still on the CPU.")
        return replace(todo, evidence=(said,))
    if not groups or (only_on_gpu and len(groups) > 1):
        return replace(todo, evidence=evidence(assignment, todo, reference, look, apart))
    return _named(todo, groups)


def all_checks(assignment: Assignment, todo: str) -> list[CheckInfo]:
    """The checks and the clues of a TODO."""
    return [*assignment.todos[todo], *(c for c in assignment.clues if c.todo == todo)]


@np.errstate(all="ignore")  # an answer may hold numbers that overflow here
def find(
    catalogue: Known, todo: str, checks: Sequence[CheckInfo], apart: bool, look: Look
) -> list[tuple[Variant, ...]]:
    """The variants that show what a submission shows in a TODO's checks and clues.

    Single ones, else two at once; more than one group where they cannot be told apart. What is
    random in an answer can only be recognised by running it twice, so that is done at need.
    """
    runs = Runs(apart)
    found = _fitting(catalogue, catalogue.singles(todo), checks, runs, look)
    if not found:
        twice = Runs(apart, twice=True)
        if any(twice.look(check, look).random for check in checks):
            runs = twice
            found = _fitting(catalogue, catalogue.singles(todo), checks, runs, look)
    if not found and todo != GIVEN and not runs.twice:
        # Not of what is random: too little of it can be compared for two mistakes at once.
        found = _fitting(catalogue, catalogue.pairs(todo), checks, runs, look)
    groups = {frozenset(v.id for v in c.variants): c.variants for c in found}
    if len(groups) > 1 and any(len(group) > 1 for group in groups):
        # Several pairs fit: only what they all have in common is certain.
        common = frozenset.intersection(*groups)
        groups = {common: tuple(v for v in found[0].variants if v.id in common)} if common else {}
    return list(groups.values())


def _fitting(
    catalogue: Known,
    candidates: list[Candidate],
    checks: Sequence[CheckInfo],
    runs: Runs,
    look: Look,
) -> list[Candidate]:
    """The candidates that show what a submission shows, wherever both can be compared.

    In clues as well: what speaks against a mistake leaves it unnamed. An error alone is no evidence,
    as many mistakes end in the same one; an error that says the same for all sizes is.
    """
    seen = {check.id: runs.look(check, look) for check in checks}
    others = [check for check in checks if not check.clue and _comparable(seen[check.id])]
    clues = [check for check in checks if check.clue]
    if not others:
        return []
    shown_by: dict[Candidate, dict[str, Shown]] = {c: {} for c in [catalogue.right, *candidates]}
    for check in [*others, *clues]:
        fits = _clue_fits if check.clue else _check_fits
        among = [catalogue.right, *candidates]
        for candidate, one in zip(among, catalogue.show(among, check, runs), strict=True):
            shown_by[candidate][check.id] = one
        candidates = [c for c in candidates if fits(shown_by[c][check.id], seen[check.id])]
        if not candidates:
            return []
    right = shown_by[catalogue.right]

    def telling(candidate: Candidate, among: Sequence[CheckInfo]) -> bool:
        shown = shown_by[candidate]
        return any(_is_telling(shown[k.id], right[k.id], seen[k.id], k.clue) for k in among)

    def says(candidate: Candidate, what: Callable[[str], str]) -> bool:
        return all(_same_text(shown_by[candidate][k.id], seen[k.id], what) for k in others)

    # One mistake written in two ways may end in two errors, if a clue shows that it is the same.
    by_value = [
        c
        for c in candidates
        if (says(c, _wording) and telling(c, [*others, *clues]))
        or (len(c.variants) == 1 and telling(c, clues))
    ]
    if not any(isinstance(seen[check.id].observation, Raised) for check in others):
        return by_value  # no error, so no text of one: what shows nothing wrong names nothing
    by_text = [c for c in candidates if says(c, str)]
    return [c for c in by_value if c in by_text] or by_value or by_text


def _comparable(shown: Shown) -> bool:
    seen = shown.observation
    told_nothing = "Inseparable", NOT_SIMULATED
    return isinstance(seen, Observed) or (
        isinstance(seen, Raised) and seen.type not in told_nothing
    )


def _check_fits(one: Shown, other: Shown) -> bool:
    return not _comparable(one) or same(one, other)


def _clue_fits(one: Shown, other: Shown) -> bool:
    """Whether a clue sees the same. What it could not see (None, or not at all) speaks for nothing."""
    if not (isinstance(one.observation, Observed) and isinstance(other.observation, Observed)):
        return True
    a, b = one.observation.values, other.observation.values
    return a.keys() == b.keys() and all(
        _equal(a[name], b[name]) or name in one.random & other.random
        for name in a
        if None not in (a[name], b[name])
    )


def _is_telling(shown: Shown, reference: Shown, seen: Shown, clue: bool) -> bool:
    """Whether a submission shows values of a variant that the reference does not show.

    That something is random tells nothing of why, nor does what a clue could not see (None).
    """
    observations = shown.observation, reference.observation, seen.observation
    values, right, found = (o.values if isinstance(o, Observed) else None for o in observations)
    if values is None or right is None or found is None:
        return False
    return any(
        not (isinstance(value, str) and value.startswith(RAISES))
        and not (clue and value is None)
        and not _equal(value, right.get(name))
        and _equal(value, found.get(name))
        for name, value in values.items()
        if name != REMARKS and name not in shown.random | reference.random
    )


def _same_text(one: Shown, other: Shown, what: Callable[[str], str]) -> bool:
    """Whether two errors, if they are, say the same; `what`: of what they say, what matters."""
    a, b = one.observation, other.observation
    return not (isinstance(a, Raised) and isinstance(b, Raised)) or what(a.message) == what(
        b.message
    )


def _wording(message: str) -> str:
    """What an error says, whatever the sizes are."""
    return re.sub(r"\d+", "#", message)


def _accepted(
    assignment: Assignment,
    todo: TodoResult,
    variants: Sequence[Variant],
    apart: bool,
    look: Look,
    catalogue: Known,
) -> TodoResult:
    """The course gives this answer full marks, although it is another than the reference's.

    Each check counts by itself: one that died, say, has not shown that the answer is this one.
    """
    accepted = {v.id for v in variants}
    candidates = [c for c in catalogue.singles(todo.id) if c.variants[0].id in accepted]

    def shows_it(check: CheckInfo) -> bool:
        for runs in (Runs(apart), Runs(apart, twice=True)):
            seen = runs.look(check, look)
            shown = catalogue.show(candidates, check, runs) if _comparable(seen) else []
            if any(_comparable(one) and same(one, seen) for one in shown):
                return True
        return False

    of_todo = {check.id: check for check in assignment.todos[todo.id]}
    checks = tuple(
        replace(check, passed=True, message="")
        if check.ran and not check.passed and shows_it(of_todo[check.id])
        else check
        for check in todo.checks
    )
    score = share(assignment.todos[todo.id], checks)
    whole = all(check.passed for check in checks if check.ran)
    right = results.PASSED if score == todo.max_score else results.NOT_RUN
    return replace(
        todo,
        score=score,
        verdict=right if whole else todo.verdict,
        checks=checks,
        diagnosis=(variants[0].id,) if whole else (),
    )


def _named(todo: TodoResult, groups: Sequence[tuple[Variant, ...]]) -> TodoResult:
    variants = list({v.id: v for group in groups for v in group}.values())
    return replace(
        todo,
        diagnosis=tuple(variant.id for variant in variants),
        undecided=len(groups) > 1,
        hints=tuple(variant.hint[language.current()] for variant in variants),
        feedback=tuple(variant.feedback[language.current()] for variant in variants),
    )


def same(one: Shown, other: Shown) -> bool:
    """Whether two answers show the same in a check."""
    match one.observation, other.observation:
        case Raised() as a, Raised() as b:
            return (a.type, a.step) == (b.type, b.step)
        case Observed() as a, Observed() as b:
            return a.values.keys() == b.values.keys() and all(
                _alike(a.values[name], b.values[name])
                if name in one.random and name in other.random
                else name not in one.random | other.random
                and _equal(a.values[name], b.values[name])
                for name in a.values
                if name != REMARKS
            )
    return False


def _sampled(observation: Observation) -> Observation:
    if not isinstance(observation, Observed):
        return observation
    return Observed({name: _sample(value) for name, value in observation.values.items()})


def _sample(value: Value) -> Value:
    """A value as it is kept: of a large tensor, some entries and two means."""
    if isinstance(value, list):
        return [_sample(item) for item in value]
    if not isinstance(value, Tensor):
        return value
    array = value.array
    with np.errstate(all="ignore"):
        flat = array.reshape(-1).astype(float)
        if size := flat.size if flat.size > SAMPLES else 0:
            # Places that depend on the size only, so that two answers are sampled alike.
            places = np.random.default_rng(crc32(b"%d" % size)).integers(size, size=SAMPLES)
            flat = np.append(flat[places], [flat.mean(), np.abs(flat).mean()])
    kind = f"{value.dtype} {tuple(array.shape)} on {value.device}"
    return [kind, Tensor(flat, value.dtype, value.device)]


def _alike(one: Value, other: Value) -> bool:
    """Whether two values are of one kind, whatever they are."""
    match one, other:
        case [str(a), Tensor()], [str(b), Tensor()]:
            return a == b
        case list(), list():
            return len(one) == len(other) and all(map(_alike, one, other))
    return type(one) is type(other)


def _equal(one: Value, other: Value) -> bool:
    match one, other:
        case Tensor(), Tensor():
            return _close(one, other)
        case list(), list():
            return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and one == other


def _close(one: Tensor, other: Tensor) -> bool:
    a, b = one.array, other.array
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    with np.errstate(invalid="ignore"):
        rest = (a == b) | (np.isnan(a) & np.isnan(b))
    if not (finite | rest).all():
        return False
    scale = max(float(np.abs(a[finite]).max(initial=0)), 1e-9)
    tolerance = NOISE * FLOORS.get(one.dtype, 0.0) * scale
    return bool((np.abs(a[finite] - b[finite]) <= tolerance).all())
