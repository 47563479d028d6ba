"""Check a student's own files against recorded observations: no solution is needed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autograder.course import Assignment, Course
from autograder.errors import UsageError
from autograder.grade import grade_work
from autograder.pool import Warm
from autograder.record import PUBLIC_SEED, load
from autograder.results import Result
from autograder.submission import SOURCES, Work, read, read_own, works


def check_files(paths: Sequence[Path]) -> Iterator[Result]:
    """The result of each assignment found in the files (or, without any, in the current folder)."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist; give the file that you work in.")
        if path.is_file() and path.suffix.lower() not in SOURCES:
            raise UsageError(f"{path} is neither a .py nor an .ipynb; give the file you work in.")
    here = Path.cwd()
    sources = list(paths) or [here]
    folders = [path if path.is_dir() else path.resolve().parent for path in sources]
    course = Course.find_recordings([*folders, here, here / "assignments"])
    with Warm(course.check_files) as warm:
        assignments = {a.name: a for a in map(Assignment.from_summary, warm.summaries)}
        found = [work for path in sources for work in _works(path, assignments)]
        if not found:
            names = ", ".join(f"{name}.py" for name in assignments)
            where = ", ".join(str(path) for path in paths) or "the current folder"
            raise UsageError(
                f"no assignment was found in {where}; go to the folder that holds your work "
                f"({names}), or name the file."
            )
        for work in found:
            name = work.assignment
            reference = load(course.assignments / f"{name}.safetensors", course.check_files[name])
            yield grade_work(warm, "", work, assignments[name], reference, PUBLIC_SEED)


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
