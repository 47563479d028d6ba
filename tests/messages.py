"""Keep the messages of every language in step with the code: `make generated` writes, `make drift` checks.

`autograder/locale/<language>/LC_MESSAGES/autograder.po` gets what is new, without a translation, and
loses what is gone; the `.mo` beside it is what it compiles to. A message whose English has changed
keeps its translation, marked as fuzzy, until somebody looks at it.
"""

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from autograder.compare import GRADIENT
from autograder.course import PACKAGE, Course
from autograder.record import load

LOCALE = PACKAGE / "locale"


def catalogues(locale: Path) -> dict[Path, Catalog]:
    """The messages of each language as they should stand in its .po."""
    template = Catalog()
    for file, message in messages():
        template.add(message, locations=[(file, 0)])
    found = {}
    for path in sorted(locale.glob("*/LC_MESSAGES/autograder.po")):
        catalog = found[path] = read_po(BytesIO(path.read_bytes()))
        catalog.update(template, update_creation_date=False)
    return found


def messages() -> Iterator[tuple[str, str]]:
    """What a student may read: (file, message)."""
    for file, _, message, _, _ in extract_from_dir(PACKAGE, [("**.py", "python")]):
        yield f"{PACKAGE.name}/{file}", str(message)
    course = Course.find(PACKAGE.parent)
    for name, path in course.check_files.items():
        file = str(path.relative_to(course.root))
        for title in titles(path):
            yield file, title
        for expected in load(course.assignments / f"{name}.safetensors", path).values():
            for observation in expected.observed.values:
                whole, *cases = observation.removeprefix(GRADIENT).split(", ")
                if " " in whole:  # a word alone is a name in the stub
                    yield file, whole
                for case in cases:
                    yield file, case


def titles(checks: Path) -> Iterator[str]:
    """The titles of the checks in a file; clues are not shown."""
    for node in ast.parse(checks.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "check"
            for d in node.decorator_list
        ):
            yield (ast.get_docstring(node) or node.name).partition("\n\n")[0].replace("\n", " ")


def untranslated(catalog: Catalog) -> list[str]:
    return [str(m.id) for m in catalog if m.id and (m.fuzzy or not m.string)]


def generated(path: Path, catalog: Catalog) -> dict[Path, bytes]:
    """The two files of a language."""
    text, compiled = BytesIO(), BytesIO()
    write_po(text, catalog, width=100, include_lineno=False, ignore_obsolete=True)
    write_mo(compiled, catalog)
    return {path: text.getvalue(), path.with_suffix(".mo"): compiled.getvalue()}


def main(*, only_check: bool, locale: Path = LOCALE) -> str | None:
    """Write the files, or only check them. Returns what is wrong, if anything is."""
    for path, catalog in catalogues(locale).items():
        for file, data in generated(path, catalog).items():
            if file.is_file() and file.read_bytes() == data:
                continue
            if only_check:
                return f"stale: {file}; run 'make generated' and commit what it writes."
            file.write_bytes(data)
            print(f"wrote {file}")
        if open_ones := untranslated(catalog):
            return (
                f"{path} lacks {len(open_ones)} translations (or they are fuzzy): {open_ones[:5]}"
            )
    print("The messages of every language are current.")
    return None


if __name__ == "__main__":
    sys.exit(main(only_check="--check" in sys.argv[1:]))
