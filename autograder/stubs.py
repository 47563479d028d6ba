"""Write the stubs: each solution with its marked regions taken out.

A region stands between `# BEGIN SOLUTION <id>` and `# END SOLUTION`. What replaces it is a
`raise NotImplementedError("TODO <id>: …")`, or, where that cannot stand (in a list of layers), the
line given after `->` in the marker. The comment `# TODO <id>: …` above a region stays, and tells
the student what to write. Stubs in other languages are in `assignments/<language>/`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.comments import translated
from autograder.course import Assignment, Course
from autograder.errors import CourseError

BEGIN = re.compile(r"^(?P<indent> *)# BEGIN SOLUTION (?P<id>\w+)(?: -> (?P<placeholder>.+))?$")
END = re.compile(r"^ *# END SOLUTION$")
TITLE = re.compile(r"^ *# TODO (?P<id>\w+): (?P<title>.+)$")
POINTS = re.compile(r"(?<=<!-- points -->\n).*?(?=<!-- end of points -->)", re.S)

# The heading of the points table, by the language of the handout text.
HEADINGS = {
    "en": ("TODO", "points", "together"),
    "ko": ("TODO", "배점", "합계"),
}


@dataclass(frozen=True)
class Region:
    """A marked region: the id, its title in the stub, and its lines [start, end) with the markers."""

    id: str
    title: str
    start: int
    end: int
    indent: str
    placeholder: str | None


def regions(source: str, file: str) -> list[Region]:
    """The marked regions of a solution. Raises CourseError when the markers are not in order."""
    lines = source.splitlines()
    found: list[Region] = []
    titles: dict[str, str] = {}
    opened: tuple[int, re.Match[str]] | None = None
    for number, line in enumerate(lines):
        if match := TITLE.match(line):
            titles[match["id"]] = match["title"]
        elif match := BEGIN.match(line):
            if opened:
                raise CourseError(f"{file}, line {number + 1}: a region begins inside a region.")
            if match["id"] not in titles:
                raise CourseError(
                    f"{file}, line {number + 1}: write '# TODO {match['id']}: …' above the region."
                )
            opened = number, match
        elif END.match(line):
            if not opened:
                raise CourseError(f"{file}, line {number + 1}: END SOLUTION without a BEGIN.")
            start, match = opened
            todo = match["id"]
            found.append(
                Region(todo, titles[todo], start, number + 1, match["indent"], match["placeholder"])
            )
            opened = None
    if opened:
        raise CourseError(f"{file}, line {opened[0] + 1}: BEGIN SOLUTION without an END.")
    return found


def stub(source: str, file: str) -> str:
    """A solution's text -> the stub's text."""
    lines = source.splitlines()
    for region in reversed(regions(source, file)):
        lines[region.start : region.end] = [placeholder(region)]
    return "\n".join(lines) + "\n"


def placeholder(region: Region) -> str:
    """The line that stands in a stub in place of a region."""
    if region.placeholder is not None:
        return f"{region.indent}{region.placeholder}  # TODO {region.id}"
    title = region.title.rstrip(".:")
    return f'{region.indent}raise NotImplementedError("TODO {region.id}: {title}")'


def generated(course: Course, assignments: Mapping[str, Assignment]) -> dict[Path, str]:
    """Every generated text of a course: the stubs, and the handout texts with their points tables."""
    texts = {}
    for name, assignment in assignments.items():
        solution = course.solution(name)
        source = solution.read_text("utf-8")
        ids = [region.id for region in regions(source, str(solution))]
        judged = [todo for todo in assignment.todos if assignment.points(todo) > 0]
        if sorted(ids) != sorted(judged):
            raise CourseError(
                f"{solution.name} marks the TODOs {', '.join(ids)}, but its checks give points to "
                f"{', '.join(judged)}; they must be the same."
            )
        texts[course.assignments / f"{name}.py"] = stub(source, str(solution))
        for file in sorted(course.solutions.glob("translations/*.toml")):
            other = course.assignments / file.stem / f"{name}.py"
            texts[other] = stub(translated(source, file, name), str(file))
        for path in sorted(course.assignments.glob(f"{name}.*.md")):
            text = path.read_text("utf-8")
            language = path.suffixes[0].removeprefix(".")
            texts[path] = POINTS.sub(points_table(assignment, language), text)
    return texts


def points_table(assignment: Assignment, language: str) -> str:
    """The table of points for a handout text, in Markdown."""
    todo, points, together = HEADINGS[language]
    rows = [f"| {todo} | {points} |", "|---|---|"]
    for name in assignment.todos:
        if assignment.points(name) > 0:
            rows.append(f"| `{name}` | {assignment.points(name):g} |")
    rows.append(f"| **{together}** | **{assignment.points():g}** |")
    return "\n".join(rows) + "\n"


def write(texts: Mapping[Path, str]) -> list[Path]:
    """Write what differs; returns those files."""
    changed = stale(texts)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], "utf-8")
    return changed


def stale(texts: Mapping[Path, str]) -> list[Path]:
    """The files whose text is not what it would be if it were generated now."""
    return [
        path
        for path, text in texts.items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
