"""What leaves the course, assembled from its files: the hand-out, and the zip for Gradescope.

Both hold the toolkit as a wheel, which is built from the source tree that this runs in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from autograder import language as languages
from autograder import mistakes
from autograder.course import PACKAGE, RECORDINGS, Assignment, Course
from autograder.errors import CourseError, UsageError
from autograder.notebooks import Parts
from autograder.otter_files import for_students as notebook
from autograder.pool import Warm
from autograder.settings import for_students
from autograder.stubs import generated, stale

SOURCE = PACKAGE.parent
BUILT_FROM = "pyproject.toml", "README.md", "LICENSE", "constraints.txt"
NO_CACHES = shutil.ignore_patterns("__pycache__", ".*")
NOTEBOOKS = "notebooks"  # the folder of a hand-out that holds them
PLACEHOLDER = "WHEEL"  # in a requirements.txt, for the wheel's name


def handout(
    course: Course, out: Path, language: Literal["en", "ko"] | None, *, packed: bool
) -> Path:
    """Write what students get to a folder, or to a zip of it; returns its path.

    Raises UsageError for a place that is taken, and CourseError for generated files that are stale.
    """
    _require_source()
    out = _free(out, packed=packed)
    assignments = _current_assignments(course)
    spoken = language or course.settings.language or "en"
    languages.use(spoken)  # for what is generated here
    own = course.root / "student_template"
    template = own if own.is_dir() else SOURCE / "student_template"

    def write(folder: Path) -> None:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        for path in folder.glob("README.*md"):
            path.unlink()
        readme = template / ("README.md" if spoken == "en" else f"README.{spoken}.md")
        text = readme.read_text("utf-8")
        if course.settings.title:
            _, _, rest = text.partition("\n")
            text = f"# {course.settings.title}\n{rest}"
        (folder / "README.md").write_text(text, "utf-8")
        stubs = course.assignments if spoken == "en" else course.assignments / spoken
        toolkit = folder / RECORDINGS
        toolkit.mkdir()
        for name, assignment in assignments.items():
            shutil.copy(stubs / f"{name}.py", folder)
            shutil.copy(course.assignments / f"{name}.{spoken}.md", folder / f"{name}.md")
            for recording in (f"{name}.safetensors", f"{name}.mistakes.npz"):
                shutil.copy(course.assignments / recording, toolkit)
            for place, text in notebook(Parts.of(course, assignment, spoken)).items():
                file = folder / NOTEBOOKS / place
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, "utf-8")
        if settings := for_students(course.settings, language):
            (toolkit / "course.toml").write_text(settings, "utf-8")
        _add_toolkit(course, folder, toolkit)

    return _assemble(write, out, packed=packed)


def gradescope(course: Course, out: Path) -> Path:
    """Write the zip that Gradescope builds its autograder from; returns its path.

    Raises UsageError for a place that is taken, and CourseError for generated files that are stale.
    """
    _require_source()
    out = _free(out, packed=True)
    _current_assignments(course)

    def write(folder: Path) -> None:
        shutil.copytree(PACKAGE / "gradescope", folder, ignore=_no_python, dirs_exist_ok=True)
        for part in ("solutions", "assignments"):
            shutil.copytree(getattr(course, part), folder / "course" / part, ignore=NO_CACHES)
        if course.settings_file:
            shutil.copy(course.settings_file, folder / "course" / "course.toml")
        toolkit = folder / RECORDINGS
        toolkit.mkdir()
        _add_toolkit(course, folder, toolkit)

    return _assemble(write, out, packed=True, flat=True)


def _free(out: Path, *, packed: bool) -> Path:
    """Where to write; a zip has its ending. Raises UsageError where something lies already."""
    if out.name in ("", ".."):
        out = out.resolve()
    if packed and out.suffix.lower() != ".zip":
        out = out.with_name(f"{out.name}.zip")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; remove it, or choose another place.")
    if os.path.lexists(out) and (packed or not out.is_dir()):
        raise UsageError(f"{out} exists already; remove it, or choose another place.")
    if not out.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}; make it, or choose another place.")
    return out


def _current_assignments(course: Course) -> Mapping[str, Assignment]:
    """The assignments by name. Raises CourseError where a generated file is of another state."""
    with Warm(course.check_files) as warm:
        assignments = course.described(warm.summaries)
    if old := stale(generated(course, assignments)):
        names = ", ".join(path.name for path in old)
        raise CourseError(f"{names}: not what the solutions say now; run 'autograder stubs' first.")
    old_recordings = [
        name
        for name in assignments
        if mistakes.recorded_digest(course.assignments / f"{name}.mistakes.npz")
        != mistakes.digest(course, name)
        or not (course.assignments / f"{name}.safetensors").is_file()
    ]
    if old_recordings:
        raise CourseError(
            f"the recordings of {', '.join(old_recordings)} are not current; run "
            "'autograder record' first."
        )
    return assignments


def _require_source() -> None:
    """Raises UsageError where the toolkit is installed without the source that it is built from."""
    if not all((SOURCE / name).exists() for name in (*BUILT_FROM, "student_template")):
        raise UsageError(
            "the toolkit's own source is needed for this, and it is installed without; clone its "
            "repository, install it with 'pip install -e .', and run this command there."
        )


def _add_toolkit(course: Course, folder: Path, toolkit: Path) -> None:
    """The wheel and the pinned versions, and a requirements.txt that names both."""
    shutil.copy(SOURCE / "constraints.txt", toolkit)
    wheel = _wheel(course, toolkit)
    requirements = folder / "requirements.txt"
    text = requirements.read_text("utf-8").replace(PLACEHOLDER, wheel.name)
    requirements.write_text(text, "utf-8")


def _wheel(course: Course, into: Path) -> Path:
    """Build the toolkit's wheel, with the course's own checks, from a copy of its source."""
    with tempfile.TemporaryDirectory(prefix="toolkit-") as copy:
        source = Path(copy)
        for name in BUILT_FROM:
            shutil.copy(SOURCE / name, source)
        shutil.copytree(PACKAGE, source / PACKAGE.name, ignore=NO_CACHES)
        if course.checks_folder != PACKAGE / "checks":
            shutil.rmtree(source / PACKAGE.name / "checks")
            shutil.copytree(
                course.checks_folder, source / PACKAGE.name / "checks", ignore=NO_CACHES
            )
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        if _can_build():
            command.append("--no-build-isolation")  # then no network is needed
        built = subprocess.run(
            [*command, "--wheel-dir", str(into), copy], capture_output=True, text=True, check=False
        )
    wheels = list(into.glob("*.whl"))
    if built.returncode or not wheels:
        reason = (built.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise UsageError(
            f"the toolkit's wheel could not be built ({reason}); run 'pip install -U pip setuptools' "
            "and try again."
        )
    return wheels[0]


def _can_build() -> bool:
    from importlib import metadata

    try:
        return int(metadata.version("setuptools").split(".")[0]) >= 77  # as pyproject.toml asks
    except metadata.PackageNotFoundError:
        return False


def _no_python(folder: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name.endswith(".py") or name == "__pycache__"]


def _assemble(
    write: Callable[[Path], None], out: Path, *, packed: bool, flat: bool = False
) -> Path:
    """Everything or nothing: written elsewhere, then moved to its place.

    A zip holds one folder, named after it, or (`flat`) the files at its root.
    """
    try:
        place = tempfile.TemporaryDirectory(prefix=".handout-", dir=out.resolve().parent)
    except OSError as error:  # nobody knows of that folder
        raise OSError(error.errno, error.strerror, str(out)) from None
    with place as near:
        folder = Path(near, out.stem if packed else out.name)
        folder.mkdir()
        write(folder)
        if not packed:
            os.replace(folder, out)  # also onto an empty folder
            return out
        part = Path(near, "zip")
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder if flat else folder.parent))
        os.replace(part, out)
    return out
