"""The catalogue: known mistakes and accepted alternatives, as edits of a solution.

`solutions/variants/<assignment>.toml` holds `[[variant]]` tables: `id`, `todo`, `accepted`, one or more
`[[variant.behaviour]]` (each an edit of the solution), and for a mistake `hint` and `feedback` in both
languages; `hides` lists other TODOs that cannot be judged with this mistake, and `alone = true` says that
its feedback speaks of the whole TODO, so that it is not named together with another. An edit is a new text
for the whole region (`region`), or texts that must occur exactly once (`edits`, a list of `find` and
`put`).
"""

import itertools
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.course import Course
from autograder.errors import CourseError
from autograder.language import LANGUAGES
from autograder.stubs import regions

Edits = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Behaviour:
    """One way in which a variant shows. `source`: the solution with it; `edits`: (find, put) pairs."""

    source: str
    edits: Edits = ()


@dataclass(frozen=True)
class Variant:
    """One known answer other than the reference's."""

    id: str
    todo: str
    accepted: bool
    behaviours: tuple[Behaviour, ...]
    hint: Mapping[str, str]
    feedback: Mapping[str, str]
    hides: tuple[str, ...] = ()  # other TODOs that cannot be seen at all with this mistake
    alone: bool = False  # its feedback is not true beside another mistake

    @property
    def sources(self) -> tuple[str, ...]:
        """The solution with this variant in it, for each of its behaviours."""
        return tuple(behaviour.source for behaviour in self.behaviours)


def load(course: Course, name: str) -> tuple[Variant, ...]:
    """The variants of an assignment, in the order of the catalogue. Raises CourseError."""
    path = course.solutions / "variants" / f"{name}.toml"
    if not path.is_file():
        return ()
    source = course.solution(name).read_text("utf-8")
    try:
        tables = tomllib.loads(path.read_text("utf-8"))["variant"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise CourseError(f"{path} is not a catalogue of [[variant]] tables: {error}.") from None
    variants = []
    for table in tables:
        where = f"{path}, variant {table.get('id', '?')}"
        try:
            variants.append(_variant(table, source, where))
        except (KeyError, TypeError, AttributeError) as error:
            raise CourseError(f"{where}: {error} is missing or of the wrong type.") from None
    repeated = {
        v.id for v in variants if sum(o.id == v.id and o.todo == v.todo for o in variants) > 1
    }
    if repeated:
        raise CourseError(
            f"{path} has more than one variant {', '.join(sorted(repeated))} of a TODO."
        )
    return _accepting(course, name, variants)


def require_accepted(course: Course) -> None:
    """Raises CourseError where the settings accept a mistake that the catalogue does not hold."""
    if course.settings_file:
        for name in {id.split(".")[0] for id in course.settings.accept}:
            load(course, name)


def _accepting(course: Course, name: str, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """With those accepted that the course's settings accept. Raises CourseError for unknown ones."""
    if course.settings_file is None:
        return tuple(variants)
    from autograder.settings import unknown

    accepted = course.settings.accepted(name)
    ids = [f"{name}.{v.todo}.{v.id}" for v in variants]
    for todo, id in sorted(accepted):
        if (whole := f"{name}.{todo}.{id}") not in ids:
            unknown(course.settings_file, ["accept", whole], ids, "mistake")
    return tuple(replace(v, accepted=v.accepted or (v.todo, v.id) in accepted) for v in variants)


def _variant(table: Mapping[str, Any], source: str, where: str) -> Variant:
    accepted = table.get("accepted", False)
    texts = {key: dict(table.get(key, {})) for key in ("hint", "feedback")}
    if not accepted:
        for key, text in texts.items():
            for language in LANGUAGES:
                if not text.get(language, "").strip():
                    raise CourseError(f"{where}: {key}.{language} is missing.")
    return Variant(
        id=table["id"],
        todo=table["todo"],
        accepted=accepted,
        behaviours=tuple(
            _edited(source, table["todo"], behaviour, where) for behaviour in table["behaviour"]
        ),
        hides=tuple(table.get("hides", ())),
        alone=table.get("alone", False),
        **texts,
    )


def pairs(variants: Sequence[Variant]) -> Iterator[tuple[Variant, Variant, str]]:
    """Two mistakes at once in one TODO: the first behaviours of both, where they can be combined."""
    for one, other in itertools.permutations(variants, 2):
        source, edits = one.behaviours[0].source, other.behaviours[0].edits
        # Two lists of edits give the same text in either order.
        if not edits or (one.behaviours[0].edits and variants.index(one) > variants.index(other)):
            continue
        if _overlap(one.behaviours[0].edits, edits):
            continue  # an edit of what the other has put is a third mistake, not both
        if all(source.count(find) == 1 for find, _ in edits):
            for find, put in edits:
                source = source.replace(find, put)
            yield one, other, source


def _overlap(some: Edits, others: Edits) -> bool:
    """Whether one edits a text of which the other edits a part."""
    return any(a in b or b in a for (a, _), (b, _) in itertools.product(some, others))


def _edited(source: str, todo: str, behaviour: Mapping[str, Any], where: str) -> Behaviour:
    if "region" in behaviour:
        found = [region for region in regions(source, where) if region.id == todo]
        if not found:
            raise CourseError(f"{where}: the solution marks no TODO {todo}.")
        lines = source.splitlines()
        new = textwrap.indent(textwrap.dedent(behaviour["region"]).strip("\n"), found[0].indent)
        lines[found[0].start + 1 : found[0].end - 1] = new.split("\n") if new.strip() else []
        source = "\n".join(lines) + "\n"
    for edit in behaviour.get("edits", ()):
        if (count := source.count(edit["find"])) != 1:
            raise CourseError(f"{where}: {edit['find']!r} occurs {count} times, not once.")
        source = source.replace(edit["find"], edit["put"])
    return Behaviour(source, tuple((e["find"], e["put"]) for e in behaviour.get("edits", ())))
