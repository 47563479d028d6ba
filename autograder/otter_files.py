"""Everything that Otter needs for a course, written to a folder: `autograder otter OUT`.

OUT/student/      for students: a notebook for each assignment, the tests, what was recorded
OUT/<name>/       an assignment's tests and otter_config.json, as `otter generate` takes them
OUT/<name>.zip    what it makes of them, for `otter run`, `otter grade` and Gradescope
OUT/master/       for `otter assign`: notebooks with the solutions in them
"""

import contextlib
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from autograder import mistakes, notebooks, record
from autograder.course import Assignment, Course
from autograder.errors import CourseError, UsageError
from autograder.notebooks import Parts
from autograder.pool import Warm

PLUGIN = "autograder.otter.Isolated"
CONFIG = {"plugins": [PLUGIN], "show_all_public": True}


def write(course: Course, out: Path, language: str) -> list[Path]:
    """Write the folders and the zips; returns the zips. Raises UsageError and CourseError."""
    if find_spec("otter") is None:
        raise UsageError(
            "otter-grader is not installed; run: pip install 'dl-autograder[otter]' and try again."
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; give a folder.")
    with Warm(course.check_files, aliases=course.aliases) as warm:
        assignments = course.described(warm.summaries).values()
    return [_write(course, assignment, out.resolve(), language) for assignment in assignments]


def for_students(parts: Parts) -> dict[str, str]:
    """The notebook of an assignment, and the tests that it asks for: texts, by their paths."""
    assignment, language = parts.assignment, parts.language
    tests = {
        f"tests/{todo}.py": notebooks.test_file(assignment, todo, language)
        for todo in assignment.todos
        if assignment.points(todo) > 0
    }
    return {f"{assignment.name}.ipynb": notebooks.student(parts), **tests}


def _write(course: Course, assignment: Assignment, out: Path, language: str) -> Path:
    name = assignment.name
    recordings = _recordings(course, name)
    files = [path.name for path in recordings]
    parts = Parts.of(course, assignment, language)
    student = for_students(parts)
    tests = {path: text for path, text in student.items() if path.startswith("tests/")}
    folders = {
        "student": student,
        "master": {f"{name}.ipynb": notebooks.master(parts, files, PLUGIN)},
        name: {"otter_config.json": json.dumps(CONFIG, indent=2) + "\n", **tests},
    }
    for folder, texts in folders.items():
        for path, text in texts.items():
            (out / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (out / folder / path).write_text(text, "utf-8")
        for recording in recordings:
            shutil.copyfile(recording, out / folder / recording.name)
    return _generate(out / name, files)


def _recordings(course: Course, name: str) -> list[Path]:
    """The recordings of an assignment. Raises CourseError where they are missing or not current."""
    paths = [course.assignments / f"{name}{kind}" for kind in (".safetensors", ".mistakes.npz")]
    record.load(paths[0], course.check_files[name])
    if mistakes.recorded_digest(paths[1]) != mistakes.digest(course, name):
        raise CourseError(f"{paths[1]} is not current; run 'autograder record'.")
    return paths


def _generate(folder: Path, files: list[str]) -> Path:
    """Run `otter generate` in a folder."""
    from otter.generate import main as generate

    path = folder.with_suffix(".zip")
    with contextlib.chdir(folder):
        generate(
            tests_dir="tests",
            output_path=str(path),
            config="otter_config.json",
            no_requirements=True,
            no_environment=True,
            files=files,
        )
    return path
