"""Grade a class: every submission, every assignment, and what to write as results land."""

import difflib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder import results, tier
from autograder.course import Assignment, Course
from autograder.diagnose import Catalogue, Known, diagnose
from autograder.errors import AutograderError, UsageError
from autograder.examine import Examination, examine_reference
from autograder.judge import Reference, all_failed, failure, judge
from autograder.language import _
from autograder.limits import DEFAULT, Limits
from autograder.observation import Died, Raised
from autograder.pool import Warm
from autograder.results import Result, TodoResult, total
from autograder.submission import Submission, Work, find, read, strays, works


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to grade. `expect`: assignments that everyone must hand in; absent ones count zero.

    `least_tier`: of isolation, without which nothing is graded; `trust`: grade without any.
    """

    seed: int
    jobs: int = os.cpu_count() or 1
    only: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    least_tier: str | None = None
    trust: bool = False
    limits: Limits = field(default=DEFAULT)


def grade(
    course: Course,
    folder: Path,
    settings: Settings,
    landed: Callable[[Sequence[Result], int], None],
) -> None:
    """Grade every submission; calls `landed(results of one submission, how many there are)`.

    Submissions land in the order in which they are done. A Ctrl-C goes through: what has landed is
    complete and valid.
    """
    found = [item for item in find(folder) if not settings.only or item[0] in settings.only]
    if missing := set(settings.only) - {name for name, _ in found}:
        names = [name for name, _ in find(folder)]
        near = difflib.get_close_matches(min(missing), names, n=3, cutoff=0.5) or names[:5]
        raise UsageError(
            f"there is no submission named {', '.join(sorted(missing))} in {folder}; "
            f"there is {', '.join(near)}{' …' if len(names) > len(near) else ''}."
        )
    if not found:
        raise UsageError(f"{folder} holds no submissions; each file, folder or zip in it is one.")
    # With nbformat: loading it in every worker with a notebook would cost each a while.
    with Warm(course.check_files, preload=["nbformat"]) as warm:
        assignments = {a.name: a for a in map(Assignment.from_summary, warm.summaries)}
        if unknown := set(settings.expect) - assignments.keys():
            raise UsageError(
                f"--expect names {', '.join(sorted(unknown))}, which is no assignment; "
                f"there are {', '.join(assignments)}."
            )
        warm.tier = tier.prove(warm)
        tier.require(warm.tier, settings.least_tier, trust=settings.trust)
        references: dict[str, Reference] = {}
        catalogues = {
            name: Catalogue(warm, course, assignment, settings.seed)
            for name, assignment in assignments.items()
        }
        executor = ThreadPoolExecutor(settings.jobs)
        try:
            waiting: set[Future[list[Result]]] = set()
            for name, path in found:
                submission = read(name, path)
                its_works = works(submission, assignments)
                for work in its_works:
                    if work.assignment not in references:
                        references[work.assignment] = examine_reference(
                            warm,
                            assignments[work.assignment],
                            course.solution(work.assignment).read_bytes(),
                            settings.seed,
                        )
                waiting.add(
                    executor.submit(
                        _grade_one,
                        warm,
                        submission,
                        its_works,
                        assignments,
                        references,
                        catalogues,
                        settings,
                    )
                )
                # Reading goes at most a little ahead of grading: a class may not fit into memory.
                while len(waiting) >= 2 * settings.jobs:
                    waiting = _land(waiting, len(found), landed)
            while waiting:
                waiting = _land(waiting, len(found), landed)
        except BaseException:
            warm.kill()  # so that no thread waits for an answer that nobody wants any more
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            for catalogue in catalogues.values():
                catalogue.close()


def _land(
    waiting: set[Future[list[Result]]],
    count: int,
    landed: Callable[[Sequence[Result], int], None],
) -> set[Future[list[Result]]]:
    done, rest = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        landed(future.result(), count)
    return rest


def _grade_one(
    warm: Warm,
    submission: Submission,
    its_works: Sequence[Work],
    assignments: dict[str, Assignment],
    references: dict[str, Reference],
    catalogues: dict[str, Catalogue],
    settings: Settings,
) -> list[Result]:
    seed = settings.seed
    graded = [
        grade_work(
            warm,
            submission.name,
            work,
            assignments[work.assignment],
            references[work.assignment],
            seed,
            settings.limits,
            catalogues[work.assignment],
        )
        for work in its_works
    ]
    held = {work.assignment for work in its_works}
    for name in settings.expect:
        if name not in held:
            reason = submission.refused or _("No {name} was found in what was handed in.").format(
                name=name
            )
            graded.append(refused(submission.name, assignments[name], reason, seed))
    extra = strays(submission, list(its_works))
    notes = submission.notes
    if extra:
        many = len(extra) > 10
        note = (
            _("Not looked at: {files} and {count} more.") if many else _("Not looked at: {files}.")
        )
        notes += (note.format(files=", ".join(extra[:10]), count=len(extra) - 10),)
    if not graded:
        reason = submission.refused or _(
            "Nothing to grade was found: hand in {files} (or a notebook with the same classes)."
        ).format(files=", ".join(f"{name}.py" for name in assignments))
        graded = [Result(submission=submission.name, assignment=None, seed=seed, notes=(reason,))]
    graded[0] = replace(graded[0], notes=graded[0].notes + notes)
    return [replace(result, tier=warm.tier) for result in graded]


def grade_work(
    warm: Warm,
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
    notes, printed, error, diagnosis_error = work.notes, "", "", ""
    try:
        with Examination(warm, work.job, seed, limits=limits) as examination:
            imported = examination.imported
            if isinstance(imported, Raised | Died):
                end = failure(imported)
                todos = all_failed(assignment, end.verdict, end.message)
            else:
                notes += imported.notes
                todos = judge(assignment, reference, examination.observe, imported.placeholders)
                if catalogue and any(todo.verdict != results.PASSED for todo in todos):
                    todos, diagnosis_error = _diagnose(
                        assignment, todos, reference, examination, catalogue
                    )
            printed = examination.printed
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
        todos=todos,
        source=work.source,
        notes=notes,
        output=printed,
        grader_error=error,
        diagnosis_error=diagnosis_error,
    )


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
