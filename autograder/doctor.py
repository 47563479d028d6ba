"""The doctor: proves that the grader itself is right, from the solutions and the catalogue.

The reference gets full marks, a stub and worthless answers none, accepted alternatives full marks;
every known mistake loses points in its own TODO and no other, and is named as itself; every mutant
of a solution is caught, or recorded as equivalent; and what is generated is current.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from autograder import mistakes, results
from autograder.check import GIVEN, REMARKS
from autograder.compare import difference, tensors
from autograder.course import Assignment, CheckInfo, Course
from autograder.diagnose import Catalogue, diagnose
from autograder.errors import CourseError
from autograder.examine import Examination, examine_reference
from autograder.judge import Expected, Reference, judge
from autograder.language import LANGUAGES
from autograder.mutants import Mutant, echoes, mutants
from autograder.observation import Observation, Observed, Tensor, Value
from autograder.pool import Imported, Job, Warm
from autograder.record import PUBLIC_SEED, drift
from autograder.results import TodoResult
from autograder.stubs import generated, stale
from autograder.variants import Variant, load

THIN = 2.0  # orders of magnitude: what a check tells less clearly from right is a problem
CERTAIN = math.inf  # another shape, type or error: no tolerance can make it right

Item = TypeVar("Item")
Found = TypeVar("Found")
Array = NDArray[Any]

# What stands for an answer that knows only what it must look like.
WORTHLESS: dict[str, Callable[[Array], Array]] = {
    "an answer of zeros": np.zeros_like,
    "an answer of one constant": lambda array: np.full_like(array, 1.0),
    "the right numbers in another order": lambda array: np.roll(array, 1),
}


@dataclass(frozen=True)
class Row:
    """One behaviour of a mistake in the kill matrix: how far off it is in each check of its TODO.

    In orders of magnitude above the tolerance; 0 where the check does not see it.
    """

    todo: str
    mistake: str
    behaviour: int
    margins: Mapping[str, float]

    @property
    def margin(self) -> float:
        """In the check that sees it least, of those that see it at all."""
        return min((above for above in self.margins.values() if above), default=0.0)


@dataclass
class Report:
    """What was proven of one assignment. `problems`: one sentence for each proof that failed."""

    assignment: str
    checks: tuple[CheckInfo, ...]
    rows: list[Row] = field(default_factory=list)
    accepted: int = 0
    mutants: int = 0
    equivalent: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)  # by behaviour, to compare seeds
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """A source, judged: its TODOs, and what it showed in the checks."""

    todos: tuple[TodoResult, ...]
    shown: Mapping[str, Observation]

    def lost(self) -> set[str]:
        """The TODOs that did not get all of their points."""
        return {t.id for t in self.todos if t.score < t.max_score}

    def named(self) -> dict[str, tuple[str, ...]]:
        return {t.id: t.diagnosis for t in self.todos if t.diagnosis}


class Doctor:
    """Examines one assignment of a course at one seed."""

    def __init__(
        self, warm: Warm, course: Course, assignment: Assignment, seed: int, jobs: int
    ) -> None:
        self._warm, self._course, self._assignment = warm, course, assignment
        self._seed, self._jobs = seed, jobs
        self._name = assignment.name
        self._source = course.solution(self._name).read_text("utf-8")
        self._reference: Reference = examine_reference(
            warm, assignment, self._source.encode(), seed
        )
        self._catalogue = Catalogue(warm, course, assignment, seed)
        self.report = Report(self._name, assignment.checks)

    def close(self) -> None:
        """End the processes that were needed."""
        self._catalogue.close()

    def examine(self, done: Callable[[], None], *, mutate: bool) -> Report:
        """Everything, in turn; calls `done` after each answer that was judged."""
        variants = load(self._course, self._name)
        self._structure(variants)
        self._generated()
        self._reference_and_stub()
        self._worthless()
        self._variants(variants, done)
        if mutate:
            self._mutants(done)
        return self.report

    def count(self, *, mutate: bool) -> int:
        """How many answers there are to judge."""
        known = sum(len(variant.sources) for variant in load(self._course, self._name))
        return known + (len(mutants(self._source, self._name)) if mutate else 0)

    def _problem(self, sentence: str) -> None:
        self.report.problems.append(f"{self._name}, seed {self._seed}: {sentence}")

    def _judge(self, source: str, *, name_it: bool) -> Seen:
        file = f"{self._name}.py"
        job = Job(self._name, file, {file: source.encode()})
        with Examination(self._warm, job, self._seed) as examination:
            imported = examination.imported
            if not isinstance(imported, Imported):
                points = self._assignment.points
                lost = (
                    TodoResult(todo, 0.0, points(todo), results.ERROR, ())
                    for todo in self._assignment.todos
                    if todo != GIVEN
                )
                return Seen(tuple(lost), {})
            look = examination.observe
            todos = judge(self._assignment, self._reference, look, imported.placeholders)
            wrong = [todo for todo in todos if todo.verdict != results.PASSED]
            if name_it and wrong:
                todos = diagnose(self._assignment, todos, self._reference, look, self._catalogue)
            ids = {todo.id for todo in wrong}
            shown = {c.id: look(c, False) for c in self._assignment.checks if c.todo in ids}
            return Seen(todos, shown)

    def _structure(self, variants: Sequence[Variant]) -> None:
        """Every TODO has points, checks and known mistakes; handouts and solution agree on names."""
        for todo in self._assignment.todos:
            if todo == GIVEN:
                continue
            if self._assignment.points(todo) <= 0:
                self._problem(f"{todo} has no points.")
            if all(check.gpu for check in self._assignment.todos[todo]):
                self._problem(f"{todo} has only checks that need a GPU, which may not be run.")
            if not any(v.todo == todo and not v.accepted for v in variants):
                self._problem(f"the catalogue holds no mistake in {todo}.")
        for check in self._assignment.checks:
            if check.todo != GIVEN and check.points <= 0:
                self._problem(f"the check {check.id} gives no points.")
            if (check.id, False) not in self._reference:
                self._problem(f"the check {check.id} was not run, as no GPU can be simulated here.")
        for variant in variants:
            if variant.todo not in self._assignment.todos:
                self._problem(f"the catalogue names {variant.todo}, which is no TODO.")
        for language in LANGUAGES:
            path = self._course.assignments / f"{self._name}.{language}.md"
            if not path.is_file():
                self._problem(f"there is no handout {path.name}.")
                continue
            for name in sorted(unknown_names(path.read_text("utf-8"), self._source)):
                self._problem(f"{path.name} speaks of {name}, which the solution does not have.")

    def _generated(self) -> None:
        """The stubs, the handouts' tables and the recordings are what they would be if made now."""
        course, name, checks = self._course, self._name, self._course.check_files[self._name]
        for path in stale(generated(course, {name: self._assignment})):
            self._problem(f"{path.name} is stale; run 'autograder stubs'.")
        public = examine_reference(self._warm, self._assignment, self._source.encode(), PUBLIC_SEED)
        path = course.assignments / f"{name}.safetensors"
        if drift(path, checks, public, self._assignment.axes):
            self._problem(f"{path.name} is stale; run 'autograder record'.")
        path = course.assignments / f"{name}.mistakes.npz"
        if mistakes.recorded_digest(path) != mistakes.digest(course, name):
            self._problem(f"{path.name} is stale; run 'autograder record'.")

    def _reference_and_stub(self) -> None:
        """The solution gets everything, the untouched stub nothing."""
        if lost := self._judge(self._source, name_it=False).lost():
            self._problem(f"the solution loses points in {', '.join(sorted(lost))}.")
        stub = (self._course.assignments / f"{self._name}.py").read_text("utf-8")
        for todo in self._judge(stub, name_it=False).todos:
            if todo.score or todo.verdict != results.NOT_ATTEMPTED:
                self._problem(f"the untouched stub gets {todo.score:g} in {todo.id}.")

    def _worthless(self) -> None:
        """Zeros, one constant, the right numbers in another order, the input: none of it gives points.

        But for the input, the proof is on what each check observes, and everything in it that is
        not numbers (strings, yes and no) is taken to be right.
        """
        for echo in echoes(self._source, self._name):
            for todo in self._judge(echo.source, name_it=False).todos:
                if todo.id == echo.todo and todo.score:
                    self._problem(f"giving back the input gets {todo.score:g} in {todo.id}.")
        for what, change in WORTHLESS.items():
            for check in self._assignment.checks:
                if (check.id, False) not in self._reference:
                    continue
                expected = self._reference[check.id, False]
                fake = _changed(expected.observed, change)
                if check.points and _passes(expected, fake, self._assignment):
                    self._problem(f"{what} passes the check {check.id}.")

    def _variants(self, variants: Sequence[Variant], done: Callable[[], None]) -> None:
        """Every known mistake costs its own TODO only, and is named; what is accepted costs nothing."""
        known = [(v, number) for v in variants for number in range(len(v.sources))]

        def examine(item: tuple[Variant, int]) -> Seen:
            variant, number = item
            # An alternative is right by itself; a mistake that is accepted has its feedback, and is
            # recognised by it.
            alternative = variant.accepted and not variant.feedback
            seen = self._judge(variant.sources[number], name_it=not alternative)
            done()
            return seen

        for (variant, number), seen in zip(known, self._each(examine, known), strict=True):
            what = f"{variant.todo}/{variant.id} (behaviour {number + 1})"
            lost, named = seen.lost(), seen.named()
            self.report.verdicts[what] = f"{_list(lost)}: {named}"
            if variant.accepted:
                self.report.accepted += 1
                if lost:
                    self._problem(f"{what} is accepted, but loses points in {_list(lost)}.")
                continue
            wrong = {t.id for t in seen.todos if t.verdict != results.PASSED}
            if wrong != {variant.todo, *variant.hides}:
                self._problem(f"{what} costs {_list(wrong) or 'nothing'}.")
            if named != {variant.todo: (variant.id,)}:
                found = "; ".join(", ".join(ids) for ids in named.values()) or "nothing"
                self._problem(f"{what} is diagnosed as {found}: add a check or a clue.")
            row = Row(variant.todo, variant.id, number, self._margins(variant.todo, seen))
            self.report.rows.append(row)
            for check, above in row.margins.items():
                if 0 < above < THIN:
                    self._problem(f"{what} is only 10^{above:.1f} above the tolerance of {check}.")

    def _margins(self, todo: str, seen: Seen) -> dict[str, float]:
        return {
            check.id: margin(self._reference[check.id, False], seen.shown[check.id])
            for check in self._assignment.todos[todo]
            if check.id in seen.shown and (check.id, False) in self._reference
        }

    def _mutants(self, done: Callable[[], None]) -> None:
        """Every mutant of a marked region loses points there, or is recorded as equivalent."""
        found = mutants(self._source, self._name)
        recorded = equivalents(self._course, self._name)
        self.report.mutants = len(found)

        def survives(mutant: Mutant) -> bool:
            seen = self._judge(mutant.source, name_it=False)
            done()
            return mutant.todo not in seen.lost()

        for mutant, alive in zip(found, self._each(survives, found), strict=True):
            if alive and mutant.id in recorded:
                self.report.equivalent += 1
            elif alive:
                self._problem(f"the mutant {mutant.id} survives: {mutant.description}.")
            elif mutant.id in recorded:
                self._problem(f"the mutant {mutant.id} is recorded as equivalent, and is caught.")
        for id in sorted(recorded - {mutant.id for mutant in found}):
            self._problem(f"equivalent.toml holds {id}, which is no mutant any more.")

    def _each(self, run: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
        with ThreadPoolExecutor(self._jobs) as executor:
            yield from executor.map(run, items)


def margin(expected: Expected, received: Observation) -> float:
    """How far a wrong observation is above the tolerance, in orders of magnitude."""
    if not isinstance(received, Observed):
        return CERTAIN
    got = dict(tensors(received))
    most = 0.0
    for name, want in tensors(expected.observed):
        most = max(most, _margin(want, got.get(name), expected.tolerances[name]))
    rest = _without_tensors(expected.observed), _without_tensors(received)
    return most if rest[0] == rest[1] else CERTAIN


def _margin(want: Tensor, got: Tensor | None, tolerance: float) -> float:
    if got is None or _kind(want) != _kind(got):
        return CERTAIN
    finite = np.isfinite(want.array)
    if not np.isfinite(got.array[finite]).all():
        return CERTAIN
    error = np.abs(want.array[finite].astype(float) - got.array[finite]).max(initial=0)
    if error <= tolerance:
        return 0.0
    return math.log10(error / tolerance) if tolerance else CERTAIN


def _kind(tensor: Tensor) -> tuple[object, ...]:
    return tensor.array.shape, tensor.dtype, tensor.device


def _without_tensors(observed: Observed) -> dict[str, object]:
    def plain(value: Value) -> object:
        if isinstance(value, Tensor):
            return Tensor
        return [plain(item) for item in value] if isinstance(value, list) else value

    return {name: plain(value) for name, value in observed.values.items() if name != REMARKS}


def _changed(observed: Observed, change: Callable[[Array], Array]) -> Observed:
    def changed(value: Value) -> Value:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, Tensor) and value.array.dtype.kind == "f":
            return replace(value, array=change(value.array))
        return value

    return Observed({name: changed(value) for name, value in observed.values.items()})


def _passes(expected: Expected, received: Observed, assignment: Assignment) -> bool:
    return not difference(expected.observed, received, expected.tolerances, assignment.axes)


def equivalents(course: Course, name: str) -> set[str]:
    """The mutants of an assignment that are recorded as equivalent, each with a reason."""
    path = course.solutions / "variants" / "equivalent.toml"
    if not path.is_file():
        return set()
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("equivalent", [])
        if without := [t["mutant"] for t in tables if not t["reason"].strip()]:
            raise CourseError(f"{path}: {without[0]} has no reason.")
        return {table["mutant"] for table in tables if table["assignment"] == name}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(f"{path} is not a list of [[equivalent]] tables: {error}.") from None


def unknown_names(handout: str, solution: str) -> set[str]:
    """Attributes (`self.x`) that a handout speaks of and the solution does not have."""
    spoken = set(re.findall(r"`self\.(\w+)", handout))
    return {f"self.{name}" for name in spoken if f"self.{name}" not in solution}


def _list(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids))
