"""Check a student's own files against recorded observations: no solution is needed."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from autograder import device, language, mistakes
from autograder.compare import widest
from autograder.course import Assignment, Course
from autograder.errors import UsageError
from autograder.examine import Examination
from autograder.fresh import Fresh
from autograder.grade import grade_work
from autograder.judge import Reference
from autograder.language import _
from autograder.mistakes import Recorded
from autograder.pool import Warm, Workers
from autograder.record import PUBLIC_SEED, load
from autograder.results import Result
from autograder.submission import SOURCES, Work, read, read_own, works


def check_files(paths: Sequence[Path], wanted: str | None = None) -> Iterator[Result]:
    """The result of each assignment found in the files (or, without any, in the current folder).

    `wanted`: the device for checks on a GPU, unless it is the course's.
    """
    require_code(paths)
    course = recorded_course(paths)
    with own_workers(course) as warm:
        assignments = course.described(warm.summaries)
        warm.device = device.choose(warm, wanted or course.settings.device)
        for work in find_work(paths, assignments):
            yield check_work(warm, course, work, assignments[work.assignment])


def require_code(paths: Sequence[Path]) -> None:
    """Raises UsageError for a path that is neither a folder nor a file with code."""
    with suppress(UsageError):
        recorded_course(paths)  # what is refused is said in the course's language
    for path in paths:
        if not path.exists():
            raise UsageError(
                _("{path} does not exist; give the file that you work in.").format(path=path)
            )
        if path.is_file() and path.suffix.lower() not in SOURCES:
            raise UsageError(
                _("{path} is neither a .py nor an .ipynb; give the file you work in.").format(
                    path=path
                )
            )


def recorded_course(paths: Sequence[Path]) -> Course:
    """The course whose recordings lie beside the files. Raises UsageError where there are none."""
    here = Path.cwd()
    folders = [path if path.is_dir() else path.resolve().parent for path in paths]
    course = Course.find_recordings([*folders, here, here / "assignments"])
    if course.settings_file:
        language.of_the_course(course.settings.language)
    return course


def find_work(paths: Sequence[Path], assignments: Mapping[str, Assignment]) -> list[Work]:
    """What the files hold. Raises UsageError for nothing."""
    found = [
        # Of several, each is shown as it was given: their files may well have one name.
        replace(work, source=str(path / work.source if path.is_dir() else path))
        if len(paths) > 1
        else work
        for path in paths or [Path.cwd()]
        for work in _works(path, assignments)
    ]
    if not found:
        names = ", ".join(f"{name}.py" for name in assignments)
        where = ", ".join(str(path) for path in paths) or _("the current folder")
        raise UsageError(
            _(
                "no assignment was found in {where}; go to the folder that holds your work "
                "({names}), or name the file."
            ).format(where=where, names=names)
        )
    return found


def own_workers(course: Course) -> Warm | Fresh:
    """What runs a student's own code, which nothing need be kept from."""
    if not hasattr(os, "fork"):
        return Fresh(course.check_files, aliases=course.aliases)
    return Warm(course.check_files, aliases=course.aliases, lockdown=False)


def check_work(warm: Workers, course: Course, work: Work, assignment: Assignment) -> Result:
    """Judge one assignment against its recording."""
    reference, known = recording(course, work.assignment)
    if warm.device == device.REAL:  # it was recorded on the simulated one
        gpu = {check.id for check in assignment.checks if check.gpu}
        reference = {
            key: replace(one, tolerances=widest(one.observed)) if key[0] in gpu else one
            for key, one in reference.items()
        }
    result = grade_work(warm, "", work, assignment, reference, PUBLIC_SEED, catalogue=known)
    return course.settings.show.seen(result) if course.settings_file else result


def plot_files(
    paths: Sequence[Path], wanted: str | None = None
) -> Iterator[tuple[Result, Path | None]]:
    """As `check_files`, and a picture beside the work: what was expected, and what came.

    None: there is nothing to draw, as of a file that is refused.
    """
    from autograder import plot  # here, as it takes a while

    plot.require_matplotlib()
    require_code(paths)
    course = recorded_course(paths)
    with own_workers(course) as warm:
        assignments = course.described(warm.summaries)
        warm.device = device.choose(warm, wanted or course.settings.device)
        for path in paths or [Path.cwd()]:
            folder = path if path.is_dir() else path.parent
            for work in find_work([path], assignments):
                assignment = assignments[work.assignment]
                result = check_work(warm, course, work, assignment)
                reference, _known = recording(course, assignment.name)
                file = None
                if work.job:
                    with Examination(warm, work.job, PUBLIC_SEED) as examination:
                        rows = list(plot.rows(assignment, reference, result, examination.observe))
                    if rows:
                        file = folder / f"autograder-{assignment.name}.png"
                        plot.draw(assignment.name, rows, file)
                yield result, file


def recording(course: Course, name: str) -> tuple[Reference, Recorded | None]:
    """What was recorded of an assignment; read again only when a file of it has changed."""
    files = (
        course.assignments / f"{name}.safetensors",
        course.assignments / f"{name}.mistakes.npz",
        course.check_files[name],
    )
    return _recording(*files, tuple(_stamp(file) for file in files))


@lru_cache(maxsize=8)
def _recording(
    reference: Path, known: Path, checks: Path, stamps: tuple[object, ...]
) -> tuple[Reference, Recorded | None]:
    return load(reference, checks), mistakes.load(known)


def _stamp(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written."""
    try:
        info = file.stat()
    except FileNotFoundError:
        return None
    return info.st_mtime_ns, info.st_size


def _works(path: Path, assignments: Mapping[str, Assignment]) -> list[Work]:
    if path.is_dir():
        return works(read_own(path), assignments)
    # The other modules beside a file can be imported by it.
    beside = {file.path.name: file.data for file in read_own(path.resolve().parent).files}
    helpers = {name: data for name, data in beside.items() if data and name.endswith(".py")}
    return [
        replace(work, job=work.job and replace(work.job, files={**helpers, **work.job.files}))
        for work in works(read(path.stem, path), assignments)
    ]
