"""The judge: from observations to verdicts and points.

It sees numbers only. What the reference shows is `Expected`; what the submission shows it asks for,
check by check, through a function, and does not care where that comes from.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autograder import results
from autograder.check import GIVEN
from autograder.compare import Tolerances, difference, remarks
from autograder.course import Assignment, CheckInfo
from autograder.language import _
from autograder.notes import REASON, quoted
from autograder.observation import NOT_SIMULATED, Died, NotRun, Observation, Observed, Raised
from autograder.results import CheckResult, TodoResult, total


@dataclass(frozen=True)
class Expected:
    """What the reference shows in one check, and how far off a right answer may be."""

    observed: Observed
    tolerances: Tolerances


# (check id, apart) -> what the reference shows. A check that could not be run has no entry.
Reference = Mapping[tuple[str, bool], Expected]
# What the submission shows in a check, with the TODOs it passes through as they are or stood in.
Observe = Callable[[CheckInfo, bool], Observation]


@dataclass(frozen=True)
class Outcome:
    """How one check went. `blocked_by`: the TODO whose placeholder stood in the way."""

    verdict: str
    message: str = ""
    blocked_by: str = ""
    compared: bool = False  # whether it could be compared with the reference at all
    raised: Raised | None = None
    withheld: bool = False  # as in a CheckResult

    @property
    def passed(self) -> bool:
        return self.verdict == results.PASSED

    @property
    def failed(self) -> bool:
        return self.verdict not in (results.PASSED, results.NOT_RUN)


def judge(
    assignment: Assignment, reference: Reference, observe: Observe, placeholders: frozenset[str]
) -> tuple[TodoResult, ...]:
    """Judge a submission that could be imported.

    `placeholders` are the TODOs whose placeholder still stands in the submission's text.
    """
    outcomes: dict[str, Outcome] = {}
    wrong: set[str] = set()  # or in doubt
    for check in sorted(assignment.checks, key=lambda check: check.todo == GIVEN):
        if check.todo == GIVEN and not check.always and not wrong & set(check.apart or wrong):
            continue  # all that rests on this part of the given code is right
        expected = _expected(reference, check, False)
        outcomes[check.id] = _outcome(check, assignment, expected, observe(check, False))
        if outcomes[check.id].failed or outcomes[check.id].withheld:
            wrong.add(check.todo)
    judged = [check for check in assignment.checks if check.id in outcomes]
    carried: dict[str, set[str]] = {}
    for check in judged:
        doubtful = outcomes[check.id].failed or outcomes[check.id].withheld
        if not doubtful or not wrong.intersection(check.apart):
            continue
        if outcomes[check.id].verdict == results.NOT_ATTEMPTED:
            continue  # there is nothing to look at by itself
        # Another TODO that this check passes through is wrong: look at this one by itself.
        expected = _expected(reference, check, True)
        again = _outcome(check, assignment, expected, observe(check, True))
        if again.passed:
            carried.setdefault(check.todo, set()).update(wrong.intersection(check.apart))
        elif again.raised and (first := _raised_before(again.raised, check, judged, outcomes)):
            again = _blocked(first)
        outcomes[check.id] = again
    # What turned out right by itself was only in doubt because of others.
    wrong = {c.todo for c in judged if outcomes[c.id].failed or outcomes[c.id].withheld}
    return tuple(
        todo
        for id, checks in assignment.todos.items()
        if (todo := _todo(id, checks, outcomes, carried.get(id, set()) & wrong, id in placeholders))
    )


def all_failed(assignment: Assignment, verdict: str, message: str) -> tuple[TodoResult, ...]:
    """The TODOs of a submission that could not even be imported (or was refused)."""
    return tuple(
        TodoResult(
            id,
            0.0,
            total([c.points for c in checks]),
            verdict,
            tuple(CheckResult(c.id, _(c.title), False, message) for c in checks),
        )
        for id, checks in assignment.todos.items()
        if id != GIVEN
    )


def not_run(observation: Observation) -> bool:
    """Whether a check on the GPU could not be run: nothing is known of the submission then."""
    made_so = isinstance(observation, Raised) and observation.type == NOT_SIMULATED
    return made_so or isinstance(observation, NotRun)


def failure(observation: Raised | Died) -> Outcome:
    """The verdict on an error or a death, with a sentence for the student."""
    if isinstance(observation, Died):
        sentence = _("Your code could not finish: {reason}.").format(reason=observation.detail)
        return Outcome(observation.verdict, sentence)
    kind, message = observation.type, observation.shown or observation.message
    if kind in ("MissingDefinition", "GPUByDefault", "UnreadableSource"):
        return Outcome(results.ERROR, message)
    if kind in ("Unexpected", "Inseparable"):
        name = "(" in message.partition(" ")[0]  # `forward()` stays as it is written
        return Outcome(results.FAILED, f"{message if name else message[:1].upper() + message[1:]}.")
    out_of_memory = (
        kind in ("MemoryError", "OutOfMemoryError") or "can't allocate memory" in message
    )
    verdict = results.OUT_OF_MEMORY if out_of_memory else results.ERROR
    text = f"{kind}: {message}" if message else kind
    if observation.place:
        place = observation.place
        where = _("in {file}, line {line}: {text}")
        text += "\n  " + where.format(file=place.file, line=place.line, text=place.text)
    elif observation.step:
        text += "\n  " + _("in the check, at: {step}").format(step=observation.step)
    if kind == "PermissionError" and (why := _not_allowed(message)):
        text += f"\n  {why}"
    return Outcome(verdict, text, raised=observation)


def _not_allowed(message: str) -> str:
    """What the grader refused, by the system's words for it; "" where that is something else."""
    match = re.match(r"\[Errno \d+\][^']*('(?:/|\.\.))?", message)
    if match and match[1]:
        return _(
            "The grader does not allow files outside your folder; hand in what your code needs, or "
            "leave it out."
        )
    if match and "'" not in message:
        return _("The grader does not allow a network or other programs; leave them out.")
    return ""


def _expected(reference: Reference, check: CheckInfo, apart: bool) -> Expected | None:
    key = check.id, apart
    return reference.get(key) if check.gpu else reference[key]


def _outcome(
    check: CheckInfo, assignment: Assignment, expected: Expected | None, received: Observation
) -> Outcome:
    if isinstance(received, NotRun):
        return Outcome(results.NOT_RUN, received.reason)
    if check.gpu and isinstance(received, Raised) and not_run(received):
        # Anybody can make it so, and nobody shall win by it, nor be heard in the grader's voice.
        said = " ".join((received.shown or received.message).split())[:REASON]
        return Outcome(results.NOT_RUN, quoted(said), withheld=expected is not None)
    if expected is None:
        return Outcome(results.NOT_RUN, _("What the reference shows in it is not known here."))
    if isinstance(received, Observed):
        found = difference(expected.observed, received, expected.tolerances, assignment.axes)
        if found:
            return Outcome(results.FAILED, found, compared=True)
        return Outcome(results.PASSED, remarks(received))
    if isinstance(received, Raised) and received.type == "NotImplementedError":
        match = re.match(r"TODO (\w+)", received.message)
        if match and match[1] == check.todo:
            return Outcome(results.NOT_ATTEMPTED, _("Not attempted yet."), match[1])
        if match and match[1] in assignment.todos:
            return _blocked(match[1])
    return failure(received)


def _raised_before(
    raised: Raised, check: CheckInfo, judged: list[CheckInfo], outcomes: Mapping[str, Outcome]
) -> str:
    """The TODO that comes before this check's own and raised the same error at the same line."""
    for other in judged:
        comes_first = other.todo in check.apart and check.todo not in other.apart
        if comes_first and (first := outcomes[other.id].raised):
            same = (first.type, first.place) == (raised.type, raised.place)
            if same and raised.place is not None and raised.step:  # not where it is executed
                return other.todo
    return ""


def blocked(todo: str) -> str:
    """What is said of a check that another TODO stands in the way of."""
    return _("This could not be judged until {todo} works.").format(todo=todo)


def _blocked(todo: str) -> Outcome:
    return Outcome(results.FAILED, blocked(todo), todo)


def share(checks: Sequence[CheckInfo], seen: Sequence[CheckResult]) -> float:
    """The points of a TODO. Those of a check that could not be run are those of the others, each in its
    share, but for those that are withheld."""
    counted = {result.id for result in seen if result.ran or result.withheld}
    passed = {result.id for result in seen if result.passed}
    possible = sum(c.points for c in checks if c.id in counted)
    reached = sum(c.points for c in checks if c.id in passed)
    return total([total([c.points for c in checks]) * reached / possible if possible else 0.0])


def _todo(
    id: str,
    checks: tuple[CheckInfo, ...],
    outcomes: Mapping[str, Outcome],
    carried: set[str],
    untouched: bool,
) -> TodoResult | None:
    """Add up one TODO. None: code that is given, and as it was given."""
    failed_checks = [c for c in checks if c.id in outcomes and outcomes[c.id].failed]
    failed = [outcomes[c.id] for c in failed_checks]
    if id == GIVEN:
        # Only what was seen to differ counts: what could not be told apart is no accusation.
        checks = tuple(c for c in failed_checks if outcomes[c.id].compared)
        failed = [outcomes[c.id] for c in checks]
        if not failed:
            return None
    most = total([c.points for c in checks])
    seen = tuple(_result(c, outcomes[c.id]) for c in checks)
    score = share(checks, seen)
    verdict = results.PASSED if score == most else results.NOT_RUN
    if failed:
        ends = [o.verdict for o in failed if o.verdict in results.UNFINISHED]
        verdict = (ends or [failed[0].verdict])[0]
        if not score and all(o.blocked_by for o in failed):
            own = untouched or any(o.blocked_by == id for o in failed)
            verdict = results.NOT_ATTEMPTED if own else results.FAILED
            if own:
                outcomes = {
                    k: replace(o, message=_("Not attempted yet.")) if o in failed else o
                    for k, o in outcomes.items()
                }
    return TodoResult(
        id,
        score,
        most,
        verdict,
        tuple(_result(c, outcomes[c.id]) for c in checks),
        carried_from=tuple(sorted(carried)),
    )


def _result(check: CheckInfo, outcome: Outcome) -> CheckResult:
    ran = outcome.verdict != results.NOT_RUN
    title = _(check.title)
    return CheckResult(check.id, title, outcome.passed, outcome.message, ran, outcome.withheld)
