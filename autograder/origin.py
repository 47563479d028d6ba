"""Where a result comes from: all that decides it, as versions and digests.

The same origin gives the same result, as far as no clock decides: so nothing need be graded twice
(see `store`), and where a mark is another, `autograder diff` can say why.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from autograder import __version__, language
from autograder.course import PACKAGE, Course
from autograder.limits import Limits
from autograder.submission import Work


@dataclass(frozen=True)
class Origin:
    """`versions` of what grades, and `digests` of what decides: the course's files and the job's."""

    versions: Mapping[str, str]
    digests: Mapping[str, str]

    @classmethod
    def of(cls, course: Course, name: str, limits: Limits) -> "Origin":
        """What decides the results of an assignment, whatever is handed in."""
        helpers = course.checks_folder.glob("_*.py")
        files = {
            "checks": [course.check_files[name], *helpers],
            "reference": [course.solutions / f"{name}.py"],
            "mistakes": [course.solutions / "variants" / f"{name}.toml"],
            "settings": [course.settings_file] if course.settings_file else [],
            "engine": [
                path
                for files in ("*.py", "simulated_gpu/*.py", "locale/*/LC_MESSAGES/*.mo")
                for path in PACKAGE.glob(files)
            ],
        }
        digests = {what: _of_files(paths) for what, paths in files.items()}
        return cls(versions(), {**digests, "limits": _of_text(json.dumps(asdict(limits)))})

    def with_work(self, work: Work) -> "Origin":
        """And what was handed in."""
        files = sorted(work.job.files.items()) if work.job else []
        named = [(work.source, language.english(work.refused).encode()), *files]
        return Origin(self.versions, {**self.digests, "submission": _of_named(named)})

    def key(self, seed: int, tier: str, device: str, notes: Sequence[str]) -> str:
        """One digest of everything: what is stored under it need not be graded again."""
        rest = [seed, tier, device, language.current(), list(notes)]
        return _of_text(json.dumps([dict(self.versions), dict(self.digests), rest], sort_keys=True))


@cache
def versions() -> Mapping[str, str]:
    """Of what grades here."""
    found = {"autograder": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"  # what needs it will say so
    return found


def _of_files(paths: Iterable[Path]) -> str:
    """A digest of the files that there are."""
    return _of_named((path.name, path.read_bytes()) for path in sorted(paths) if path.is_file())


def _of_text(text: str) -> str:
    return _of_named([("", text.encode())])


def _of_named(contents: Iterable[tuple[str, bytes]]) -> str:
    found = hashlib.sha256()
    for name, data in contents:
        for part in (name.encode("utf-8", "surrogatepass"), data):
            found.update(b"%d:" % len(part) + part)  # no byte can move from one part to another
    return found.hexdigest()
