"""Course settings: `course.toml` in, frozen data out. A course without the file has the defaults.

A setting is a field here, with its type, its default and its line in the README's table, which is
made from them. Names of assignments, TODOs and variants are ids, as the reports show them.
"""

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    NoReturn,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Ge, Gt, Le

from autograder.errors import CourseError
from autograder.results import Result

if TYPE_CHECKING:
    from autograder.course import Assignment

MOST_NAMES = 12  # that a message lists
Visibility = Literal["visible", "hidden", "after_due_date", "after_published"]
STUDENT = (
    "title",
    "language",
    "points",
    "aliases",
    "shortcuts",
    "device",
    "show",
)  # what a hand-out needs


class Table:
    """A table of the file: what it does not know is refused, and no value is converted."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True)
class Aliases(Table):
    """Other names that one assignment is known by, besides those in its checks."""

    files: Annotated[tuple[str, ...], "further names of the file, without its ending"] = ()
    classes: Annotated[Mapping[str, tuple[str, ...]], "further names of each public class"] = field(
        default_factory=dict
    )


@dataclass(frozen=True, kw_only=True)
class Late(Table):
    """What a late submission loses."""

    per_day: Annotated[
        float, Ge(0), Le(100), "percent of the points lost for each day begun after the deadline"
    ] = 0.0
    at_most: Annotated[float, Ge(0), Le(100), "percent lost at most"] = 100.0
    grace_minutes: Annotated[float, Ge(0), "minutes after a deadline that are not late"] = 0.0

    def percent(self, submitted: datetime, due: datetime) -> float:
        """The percentage that is lost."""
        late = submitted - due
        if late <= timedelta(minutes=self.grace_minutes):
            return 0.0
        return min(self.per_day * math.ceil(late / timedelta(days=1)), self.at_most)


@dataclass(frozen=True, kw_only=True)
class Show(Table):
    """What students see."""

    diagnosis: Annotated[
        Literal["at once", "hint"],
        "of a known mistake: all that is to say, or only the hint where to look",
    ] = "at once"
    printed: Annotated[bool, "whether students see what their code printed"] = True
    hidden: Annotated[
        tuple[str, ...],
        'never shown on Gradescope, which then hides the total: `"lstm"`, a TODO `"lstm.h0_c0"`, '
        "or a check of it",
    ] = ()
    after_due_date: Annotated[tuple[str, ...], "… shown after the due date"] = ()
    after_published: Annotated[tuple[str, ...], "… shown when grades are published"] = ()

    def visibility(self, *names: str) -> Visibility:
        """Of an assignment, a TODO in it or a check of that: what is said of it, else of the whole."""
        for end in range(len(names), 0, -1):
            id = ".".join(names[:end])
            kinds: tuple[Visibility, ...] = "hidden", "after_due_date", "after_published"
            for kind in kinds:
                if id in getattr(self, kind):
                    return kind
        return "visible"

    def seen(self, result: Result) -> Result:
        """A result as its student may see it."""
        todos = result.todos
        if self.diagnosis == "hint":
            todos = tuple(replace(todo, feedback=todo.hints) for todo in todos)
        return replace(result, todos=todos, output=result.output if self.printed else "")


@dataclass(frozen=True, kw_only=True)
class Gradescope(Table):
    """What goes to Gradescope besides the marks."""

    leaderboard: Annotated[bool, "whether points are put on the leaderboard"] = False
    evidence: Annotated[
        bool,
        "add a hidden test with the evidence for instructors (Gradescope then hides the total)",
    ] = False


# In words of TOML: what a value of another type should be, by pydantic's name of the mistake.
WANTED = {
    "bool_type": "true or false",
    "dataclass_type": "a table",
    "datetime_parsing": "a date with its time, as 2030-05-31T23:59:00+09:00",
    "datetime_type": "a date with its time, as 2030-05-31T23:59:00+09:00",
    "dict_type": "a table",
    "finite_number": "a number",
    "float_type": "a number",
    "string_type": "a text in quotes",
    "tuple_type": "a list, in brackets",
}


@dataclass(frozen=True, kw_only=True)
class CourseSettings(Table):
    """All settings of a course."""

    title: Annotated[str, "the course's name, as the hand-out shows it"] = ""
    language: Annotated[
        Literal["en", "ko"] | None, "of feedback and hand-out, unless `--lang` says another"
    ] = None
    points: Annotated[
        Mapping[str, Mapping[str, Annotated[float, Gt(0), Le(10_000)]]],
        "of a TODO, as `attention.sdpa = 4`: its checks are scaled to it",
    ] = field(default_factory=dict)
    accept: Annotated[
        tuple[str, ...],
        "known mistakes that get full marks, as `vit.encoder_block.residual_from_normalised`",
    ] = ()
    shortcuts: Annotated[
        Literal["report", "fail"], "whether a forbidden shortcut is reported or fails its TODO"
    ] = "report"
    device: Annotated[
        Literal["auto", "real", "simulated"],
        "where checks on a GPU run; auto: on a real one where it can be used, else on a simulated one",
    ] = "simulated"
    require_tier: Annotated[
        Literal["A", "B", "C", "D"] | None, "the least isolation to grade with"
    ] = None
    groups: Annotated[
        bool, "whether a group's result goes to all of its members, or to the first named only"
    ] = True
    deadlines: Annotated[
        Mapping[str, datetime],
        "of an assignment, as `lstm = 2030-05-31T23:59:00+09:00`",
    ] = field(default_factory=dict)
    late: Late = Late()
    aliases: Mapping[str, Aliases] = field(default_factory=dict)
    show: Show = Show()
    gradescope: Gradescope = Gradescope()

    def accepted(self, assignment: str) -> set[tuple[str, str]]:
        """The mistakes of an assignment that are accepted: (TODO, variant)."""
        split = (tuple(id.split(".")) for id in self.accept)
        return {(todo, variant) for name, todo, variant in split if name == assignment}


def load(path: Path, assignments: Iterable[str]) -> CourseSettings:
    """The settings in a file. Raises CourseError, which names the key and the file."""
    from pydantic import TypeAdapter, ValidationError

    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path} is not a TOML file: {error}.") from None
    try:
        # As JSON, because a strict reading of it still takes lists and tables for what they are.
        text = json.dumps(tables, default=_moment)
        found = TypeAdapter(CourseSettings).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        if first["type"] == "unexpected_keyword_argument":
            unknown(path, place, _settings_in(place[:-1]))
        where, value = ".".join(place), _toml(first["input"])
        wanted = WANTED.get(first["type"], first["msg"].removeprefix("Input should be "))
        raise CourseError(f"{path}: {where} is {value}; it should be {wanted}.") from None
    known = list(assignments)
    for table in ("points", "deadlines", "aliases"):
        for name in getattr(found, table):
            if name not in known:
                unknown(path, [table, name], known, "assignment")
    for name, moment in found.deadlines.items():
        if moment.tzinfo is None:
            raise CourseError(
                f"{path}: deadlines.{name} does not say in which time zone; write "
                f"{moment.isoformat()}+09:00, or another offset."
            )
    for id in found.accept:
        name, *rest = id.split(".")
        if len(rest) != 2:
            raise CourseError(f"{path}: accept holds {id!r}; write 'assignment.todo.mistake'.")
        if name not in known:
            unknown(path, ["accept", name], known, "assignment")
    for table in ("hidden", "after_due_date", "after_published"):
        for id in getattr(found.show, table):
            if id.split(".")[0] not in known:
                unknown(path, ["show", table, id.split(".")[0]], known, "assignment")
    return found


def fitted(
    settings: CourseSettings, path: Path, assignments: Mapping[str, "Assignment"]
) -> dict[str, "Assignment"]:
    """The assignments as the settings change them. Raises CourseError for parts that they lack."""
    found = dict(assignments)
    for name, points in settings.points.items():
        judged = [todo for todo in found[name].todos if found[name].points(todo)]
        for todo in points:
            if todo not in judged:
                unknown(path, ["points", name, todo], judged, "TODO")
        found[name] = found[name].scaled(points)
    for name, aliases in settings.aliases.items():
        for public in aliases.classes:
            if public not in found[name].classes:
                place = ["aliases", name, "classes", public]
                unknown(path, place, list(found[name].classes), "class")
        found[name] = replace(found[name], files=(*found[name].files, *aliases.files))
    for table in ("hidden", "after_due_date", "after_published"):
        for name, *rest in (id.split(".") for id in getattr(settings.show, table)):
            parts = [*found[name].todos, *(f"{c.todo}.{c.id}" for c in found[name].checks)]
            if rest and (part := ".".join(rest)) not in parts:
                unknown(path, ["show", table, name, part], parts, "TODO or check")
    return found


def unknown(
    path: Path, place: Sequence[str], known: Sequence[str], what: str = "setting"
) -> NoReturn:
    """Raises CourseError for a name in the file that there is not, with those that are near."""
    near = difflib.get_close_matches(place[-1], known, n=1)
    some = ", ".join(known[:MOST_NAMES]) + (", …" if len(known) > MOST_NAMES else "")
    there_are = f"did you mean {near[0]}?" if near else f"there are {some}."
    where = ".".join(place[:-1])
    raise CourseError(
        f"{path}: there is no {what} {place[-1]!r}{f' in {where}' if where else ''}; {there_are}"
    )


def for_students(settings: CourseSettings, language: Literal["en", "ko"] | None) -> str:
    """The text of a hand-out's course.toml: what a student's side needs, and nothing else."""
    show = Show(diagnosis=settings.show.diagnosis, printed=settings.show.printed)
    changed = _changed(replace(settings, language=language or settings.language, show=show))
    return "".join(f"{k} = {_toml(v)}\n" for k, v in changed.items() if k in STUDENT)


def table() -> str:
    """Every setting with its default and its meaning, in Markdown."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    for name, default, meaning in _rows(CourseSettings(), ""):
        rows.append(f"| `{name}` | {default} | {meaning} |")
    return "\n".join(rows) + "\n"


def _rows(settings: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(type(settings), include_extras=True)
    for one in fields(settings):
        kind, value = hints[one.name], getattr(settings, one.name)
        if is_dataclass(value):
            yield from _rows(value, f"{prefix}{one.name}.")
        elif get_origin(kind) is not Annotated:  # a table for each assignment
            yield from _rows(get_args(kind)[1](), f"{prefix}{one.name}.ASSIGNMENT.")
        else:
            meaning = next(extra for extra in kind.__metadata__ if isinstance(extra, str))
            yield f"{prefix}{one.name}", _default(value), f"{meaning}{_choices(kind)}"


def _default(value: object) -> str:
    shown = "" if value is None or value == {} else _toml(value)
    return f"`{shown}`" if shown not in ("", '""', "[]") else "none"


def _choices(kind: Any) -> str:
    """The words that a setting may be, where it may not be anything."""
    inner = [kind, *get_args(kind), *(a for arg in get_args(kind) for a in get_args(arg))]
    words = next((get_args(k) for k in inner if get_origin(k) is Literal), ())
    shown = ", ".join(f'`"{word}"`' for word in words)
    return f" ({shown})" if words else ""


def _settings_in(place: Sequence[str]) -> list[str]:
    """The names of the settings in a table."""
    kind: Any = CourseSettings
    for part in place:
        kind = get_type_hints(kind)[part] if is_dataclass(kind) else get_args(kind)[1]
    return [one.name for one in fields(kind)]


def _changed(settings: Any) -> dict[str, Any]:
    """The settings of a table that are not the default."""
    values = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {k: v for k, v in values.items() if v != getattr(type(settings)(), k)}


def _moment(value: Any) -> str:
    """A date or a time of day of TOML, as JSON."""
    return str(value.isoformat())


def _toml(value: Any) -> str:
    """A value in one line of TOML."""
    if is_dataclass(value):
        value = _changed(value)
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key, ensure_ascii=False)} = {_toml(v)}" for key, v in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return f"{value:.10g}"
    return json.dumps(value, ensure_ascii=False)
