"""Grade a class: every submission, every assignment, and what to write as results land.

What the store holds of the same origin is not graded again.
"""

import difflib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder import attempts, device, results, shortcuts, tier
from autograder.course import Assignment, Course
from autograder.diagnose import Bench, Catalogue, Known, diagnose
from autograder.errors import AutograderError, UsageError
from autograder.examine import Examination, examine_reference
from autograder.judge import Reference, all_failed, failure, judge
from autograder.language import _
from autograder.limits import DEFAULT, Limits
from autograder.notes import file_name
from autograder.noticed import Noticed
from autograder.observation import Died, Raised
from autograder.origin import Origin, versions
from autograder.pool import Warm, Workers
from autograder.results import Result, TodoResult, total
from autograder.store import Store
from autograder.submission import Place, Submission, Work, find, read, strays, works
from autograder.variants import require_accepted


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to grade. `expect`: assignments that everyone must hand in; absent ones count zero.

    `device`: where checks on a GPU run, see `device`. `least_tier`: of isolation, without which nothing
    is graded; `trust`: grade without any.
    `shortcuts_fail`: a TODO gets no points with what it asks to write, called ready made.
    """

    seed: int
    jobs: int = os.cpu_count() or 1
    only: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    device: str = device.SIMULATED
    least_tier: str | None = None
    trust: bool = False
    shortcuts_fail: bool = False
    limits: Limits = field(default=DEFAULT)


@dataclass(frozen=True)
class Task:
    """One assignment of one submission; `stored` is its result if it was graded before."""

    work: Work
    origin: Origin
    key: str
    stored: Result | None


@dataclass(frozen=True)
class Graded:
    """One submission's results, and those of them that are new, by their keys."""

    results: list[Result]
    new: dict[str, Result]


def choose(
    course: Course, folder: Path, only: Sequence[str], expect: Sequence[str]
) -> list[tuple[str, Place]]:
    """The submissions to grade. Raises UsageError for names that do not exist."""
    found = find(folder)
    if missing := set(only) - {name for name, _ in found}:
        names = [name for name, _ in found]
        near = difflib.get_close_matches(min(missing), names, n=3, cutoff=0.5) or names[:5]
        raise UsageError(
            f"there is no submission named {', '.join(sorted(missing))} in {folder}; "
            f"there is {', '.join(near)}{' …' if len(names) > len(near) else ''}."
        )
    if not found:
        raise UsageError(f"{folder} holds no submissions; each file, folder or zip in it is one.")
    if unknown := set(expect) - course.check_files.keys():
        raise UsageError(
            f"--expect names {', '.join(sorted(unknown))}, which is no assignment; "
            f"there are {', '.join(course.check_files)}."
        )
    return [item for item in found if not only or item[0] in only]


def grade(
    course: Course,
    chosen: Sequence[tuple[str, Place]],
    settings: Settings,
    store: Store,
    landed: Callable[[Sequence[Result], int], None],
) -> int:
    """Grade what was chosen; calls `landed(results of one submission, how many there are)`.

    Submissions land in the order in which they are done, those that are stored as they are before
    all others; returns how many these are. A Ctrl-C goes through: what has landed is complete and
    valid.
    """
    # Before the checks are loaded: what is edited meanwhile is then graded again, and never too late.
    origins = {name: Origin.of(course, name, settings.limits) for name in course.check_files}
    unchanged = 0
    require_accepted(course)
    # With nbformat: loading it in every worker with a notebook would cost each a while.
    with Warm(
        course.check_files,
        preload=["nbformat"],
        aliases=course.aliases,
        memory=settings.limits.memory,
    ) as warm:
        assignments = course.described(warm.summaries)
        warm.tier = tier.prove(warm)
        tier.require(warm.tier, settings.least_tier, trust=settings.trust)
        warm.device = device.choose(warm, settings.device)
        store.begin(settings.seed, lasting=not settings.only)
        known = store.submissions
        references: dict[str, Reference] = {}
        bench = Bench(warm, settings.seed)
        catalogues = {
            name: Catalogue(warm, course, assignment, settings.seed, bench)
            for name, assignment in assignments.items()
        }
        executor = ThreadPoolExecutor(settings.jobs)

        def prepare(name: str, work: Work) -> Task:
            origin = origins[work.assignment].with_work(work)
            key = origin.key(settings.seed, warm.tier, warm.device, work.notes)
            again = name in settings.only
            stored = None if again else store.get(name, work.assignment, key)
            if not stored and work.assignment not in references:
                references[work.assignment] = examine_reference(
                    warm,
                    assignments[work.assignment],
                    course.solution(work.assignment).read_bytes(),
                    settings.seed,
                )
            return Task(work, origin, key, stored)

        def land(waiting: set[Future[Graded]]) -> set[Future[Graded]]:
            done, rest = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                graded = future.result()
                store.put(graded.new)
                landed(graded.results, len(chosen))
            return rest

        try:
            waiting: set[Future[Graded]] = set()
            for name, place in sorted(chosen, key=lambda item: item[0] not in known):
                submission = read(name, place)
                tasks = [prepare(name, work) for work in works(submission, assignments)]
                unchanged += bool(tasks) and all(task.stored for task in tasks)
                waiting.add(
                    executor.submit(
                        _grade_one,
                        warm,
                        submission,
                        tasks,
                        assignments,
                        origins,
                        references,
                        catalogues,
                        settings,
                    )
                )
                # Reading goes at most a little ahead of grading: a class may not fit into memory.
                while len(waiting) >= 2 * settings.jobs:
                    waiting = land(waiting)
            while waiting:
                waiting = land(waiting)
        except BaseException:
            warm.kill()  # so that no thread waits for an answer that nobody wants any more
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            bench.close()
    return unchanged


def _grade_one(
    warm: Warm,
    submission: Submission,
    tasks: Sequence[Task],
    assignments: Mapping[str, Assignment],
    origins: Mapping[str, Origin],
    references: Mapping[str, Reference],
    catalogues: Mapping[str, Catalogue],
    settings: Settings,
) -> Graded:
    seed = settings.seed
    graded, new = [], {}
    for task in tasks:
        name = task.work.assignment
        result = task.stored
        if not result:
            result = grade_work(
                warm,
                submission.name,
                task.work,
                assignments[name],
                references[name],
                seed,
                settings.limits,
                catalogues[name],
            )
            result = new[task.key] = _with_origin(result, task.origin, warm.tier)
        # Not stored like this: with another setting nothing need be graded again.
        graded.append(shortcuts.without_points(result) if settings.shortcuts_fail else result)
    held = {task.work.assignment for task in tasks}
    for name in settings.expect:
        if name not in held:
            reason = submission.refused or _("No {name} was found in what was handed in.").format(
                name=name
            )
            zero = refused(submission.name, assignments[name], reason, seed)
            graded.append(_with_origin(zero, origins[name], warm.tier))
    extra = strays(submission, [task.work for task in tasks])
    notes = submission.notes
    if extra:
        many = len(extra) > 10
        note = (
            _("Not looked at: {files} and {count} more.") if many else _("Not looked at: {files}.")
        )
        files = ", ".join(map(file_name, extra[:10]))
        notes += (note.format(files=files, count=len(extra) - 10),)
    if not graded:
        reason = submission.refused or _(
            "Nothing to grade was found: hand in {files} (or a notebook with the same classes)."
        ).format(files=", ".join(f"{name}.py" for name in assignments))
        nothing = Result(submission=submission.name, assignment=None, seed=seed, notes=(reason,))
        graded = [replace(nothing, tier=warm.tier, versions=versions())]
    # Notes on the submission as a whole, and whose it is: not stored with any of its results.
    graded[0] = replace(graded[0], notes=graded[0].notes + notes)
    return Graded([replace(result, student=submission.student) for result in graded], new)


def _with_origin(result: Result, origin: Origin, tier: str) -> Result:
    return replace(result, tier=tier, versions=origin.versions, digests=origin.digests)


def grade_work(
    warm: Workers,
    name: str,
    work: Work,
    assignment: Assignment,
    reference: Reference,
    seed: int,
    limits: Limits = DEFAULT,
    catalogue: Known | None = None,
) -> Result:
    """Grade one assignment of one submission; with a catalogue, name its mistakes."""
    if work.job is None:
        result = refused(name, assignment, work.refused, seed)
        return replace(result, source=work.source, notes=work.notes)
    start = time.monotonic()
    notes, printed, looked_at, error, diagnosis_error = work.notes, "", "", "", ""
    noticed = Noticed()
    try:
        with Examination(warm, work.job, seed, limits=limits) as examination:
            imported = examination.imported
            if isinstance(imported, Raised | Died):
                end = failure(imported)
                todos = all_failed(assignment, end.verdict, end.message)
            else:
                notes += imported.notes
                todos = judge(assignment, reference, examination.observe, imported.placeholders)
                looked_at = warm.device if _on_gpu(assignment, todos) else ""
                if catalogue and any(todo.verdict != results.PASSED for todo in todos):
                    todos, diagnosis_error = _diagnose(
                        assignment, todos, reference, examination, catalogue
                    )
            printed = examination.printed
        noticed = examination.noticed
    except AutograderError:
        raise
    except Exception as fault:  # a fault of ours must not take the class down with it
        error = f"{type(fault).__name__}: {fault}"
        reason = _("The grader failed on this; it is not your mistake, and your mark is open.")
        todos = all_failed(assignment, results.ERROR, reason)
    return Result(
        submission=name,
        assignment=assignment.name,
        score=total([todo.score for todo in todos]),
        max_score=total([assignment.points()]),
        seed=seed,
        seconds=time.monotonic() - start,
        device=looked_at,
        todos=todos,
        source=work.source,
        notes=notes,
        output=printed,
        shortcuts=shortcuts.found(assignment, noticed),
        attempts=attempts.found(noticed),
        grader_error=error,
        diagnosis_error=diagnosis_error,
    )


def _on_gpu(assignment: Assignment, todos: Sequence[TodoResult]) -> bool:
    """Whether behaviour on a GPU was looked at."""
    gpu = {check.id for check in assignment.checks if check.gpu}
    return any(check.ran and check.id in gpu for todo in todos for check in todo.checks)


def _diagnose(
    assignment: Assignment,
    todos: tuple[TodoResult, ...],
    reference: Reference,
    examination: Examination,
    catalogue: Known,
) -> tuple[tuple[TodoResult, ...], str]:
    """The results with diagnoses, or as they were with what broke: no mark hangs on a diagnosis."""
    try:
        return diagnose(assignment, todos, reference, examination.observe, catalogue), ""
    except Exception as fault:
        return todos, f"{type(fault).__name__}: {fault}"


def refused(name: str, assignment: Assignment, reason: str, seed: int) -> Result:
    """Zero points, with the one sentence that says why."""
    return Result(
        submission=name,
        assignment=assignment.name,
        max_score=total([assignment.points()]),
        seed=seed,
        todos=all_failed(assignment, results.ERROR, reason),
    )
