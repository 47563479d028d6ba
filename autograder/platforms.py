"""A class as a platform packs it for download: the names of its files in, whose they are out.

Only names decide, and Gradescope's list of submitters; what students wrote is read in `submission`.
A download is a platform's where at least nine in ten of what lies in it are named as that platform
names them; the rest are submissions of their own, as anywhere.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from autograder.language import _
from autograder.limits import KIB
from autograder.notes import file_name
from autograder.results import Student

METADATA = "submission_metadata.yml"  # Gradescope's
HEAD = 16 * KIB  # characters that are read of what it says of one submission
MOST_NAME = 60  # characters of a submission's name: folders are named after it

# What lies in a folder or zip: None for a file; for a folder the names in it, of folders with a "/".
Listing = Mapping[str, Collection[str] | None]
# The lines of a file below it; none where there is no such file.
Lines = Callable[[str], Iterable[str]]

CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+)_"
    r"(?:(?P<upload>\d+)_(?P<file>.+)|(?P<page>(?:text|link)\.html))"
)
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL
)
GRADESCOPE = re.compile(r"submission_(\d+)")
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,6})?\d* ?(Z|[+-]\d\d:?\d\d|[A-Za-z_/+-]+)"
)


@dataclass(frozen=True)
class Part:
    """A file or folder of a download, and what it is called in the submission ("." for all of it)."""

    where: str
    name: PurePosixPath


@dataclass(frozen=True)
class Upload:
    """One submission in a download: whose it is (None for what does not fit), and its parts."""

    parts: tuple[Part, ...]
    student: Student | None = None
    notes: tuple[str, ...] = ()
    platform: str = ""


@dataclass(frozen=True)
class Claim:
    """That one file or folder is a student's. Of files with one name, the highest rank is the latest."""

    key: str
    student: Student
    file: str = ""  # the name that the student gave it; "" for a folder
    rank: tuple[int, int] = (0, 0)


def recognise(folder: str, listing: Listing, lines: Lines) -> dict[str, Upload]:
    """The submissions in a download by their names; none where it is no platform's."""
    for platform, claim in PLATFORMS.items():
        claims = claim(folder, listing, lines)
        rest = sorted(listing.keys() - claims.keys() - {METADATA})
        if claims and 9 * len(rest) <= len(claims):
            found = _uploads(platform, claims)
            for child in rest:
                found[_free_name(child, found)] = _alone(child, listing)
            return found
    return {}


def described(uploads: Iterable[Upload]) -> str:
    """What was recognised, in one line; "" where nothing was."""
    them = list(uploads)
    known = [upload for upload in them if upload.student]
    if not known:
        return ""
    groups = sum(bool(upload.student and upload.student.members) for upload in known)
    people = sum(len(upload.student.members) or 1 for upload in known if upload.student)
    line = f"read as {known[0].platform}: {people} student{'s' * (people != 1)}"
    if groups:
        line += f" in {len(known)} submissions"
    return line + (f", and {len(them) - len(known)} other" if len(them) > len(known) else "") + "."


def _canvas(_folder: str, listing: Listing, _lines: Lines) -> dict[str, Claim]:
    """`lastfirst_LATE_<user>_<upload>_<file>`, all in one folder. Canvas adds -1, -2 … to a file's
    name where the same name was handed in before."""
    found = {}
    names: dict[str, str] = {}
    uploads = set()
    for child, inside in listing.items():
        if inside is None and (match := CANVAS.fullmatch(_normal(child))):
            user, upload = match["user"], match["upload"]
            known = (user, upload) in uploads
            if names.setdefault(user, match["name"]) != match["name"] or known:
                return {}  # then these numbers are no ids: hw_1_2_kim.py, hw_1_2_lee.py
            uploads |= {(user, upload)} if upload else set()
            student = Student(name=match["name"], ids={"canvas": user}, late=bool(match["late"]))
            file, number = _unnumbered(match["file"] or match["page"])
            found[child] = Claim(user, student, file, (number, int(upload or 0)))
    return found


def _gradescope(_folder: str, listing: Listing, lines: Lines) -> dict[str, Claim]:
    """`submission_<id>/` folders, and a list of who submitted each."""
    if METADATA not in listing:
        return {}
    known = _submitters(lines(METADATA))
    found = {}
    for child, inside in listing.items():
        if inside is not None and (match := GRADESCOPE.fullmatch(child)):
            nameless = Student(name=child)
            student = known.get(child, nameless)
            student = replace(student, ids={"gradescope": match[1], **student.ids})
            found[child] = Claim(match[1], student)
    return found


def _moodle(_folder: str, listing: Listing, _lines: Lines) -> dict[str, Claim]:
    """`<Full Name>_<id>_assignsubmission_file_/` folders, or files that are named so."""
    found = {}
    for child, inside in listing.items():
        match = MOODLE.fullmatch(_normal(child))
        if match and bool(match["file"]) == (inside is None):
            student = Student(name=match["name"], ids={"moodle": match["id"]})
            found[child] = Claim(match["id"], student, match["file"])
    return found


def _nbgrader(folder: str, listing: Listing, lines: Lines) -> dict[str, Claim]:
    """`submitted/<student>/<assignment>/…`, with the time of each in a timestamp.txt."""
    if folder != "submitted":
        return {}
    found = {}
    for child, inside in listing.items():
        names = [name for name in inside or () if name not in (".DS_Store", "Thumbs.db")]
        if names and all(name.endswith("/") for name in names):
            stamps = [f"{child}/{name}timestamp.txt" for name in names]
            times = (moment(line) for stamp in stamps for line in lines(stamp))
            name = _normal(child)
            student = Student(name=name, ids={"nbgrader": name}, submitted=max(times, default=""))
            found[child] = Claim(name, student)
    return found


def _github(folder: str, listing: Listing, _lines: Lines) -> dict[str, Claim]:
    """`<assignment>-<login>/`, in the folder that `gh classroom` made, or as clones side by side."""
    folders = [child for child, inside in listing.items() if inside is not None]
    if folder.endswith("-submissions"):
        start = folder.removesuffix("submissions")
    else:
        folders = [child for child in folders if {".git", ".git/"} & set(listing[child] or ())]
        one = min(folders, default="")
        starts = (one[: match.end()] for match in re.finditer("-", one) if len(folders) > 1)
        shared = [start for start in starts if all(child.startswith(start) for child in folders)]
        start = max(shared, key=len, default="")
    logins = {child: child.removeprefix(start) for child in folders if child.startswith(start)}
    return {
        child: Claim(login, Student(name=_normal(login), ids={"github": login}))
        for child, login in logins.items()
        if start and login
    }


PLATFORMS = {
    "a Gradescope export": _gradescope,
    "a Moodle download": _moodle,
    "a Canvas download": _canvas,
    "nbgrader's submissions": _nbgrader,
    "GitHub Classroom's clones": _github,
}


def _uploads(platform: str, claims: Mapping[str, Claim]) -> dict[str, Upload]:
    """One submission for each student, named after them; an id tells apart those of one name."""
    groups: dict[str, list[tuple[str, Claim]]] = defaultdict(list)
    for child, claim in sorted(claims.items()):
        groups[claim.key].append((child, claim))
    names = {key: as_name(group[0][1].student.name, key) for key, group in groups.items()}
    several = Counter(name.casefold() for name in names.values())
    found = {}
    for key, group in groups.items():
        name = names[key] if several[names[key].casefold()] == 1 else f"{names[key]} [{key}]"
        while name in found:  # a student may be called like another with an id
            name += f" [{key}]"
        found[name] = _upload(platform, group)
    return found


def _upload(platform: str, group: Sequence[tuple[str, Claim]]) -> Upload:
    """One student's files, each under its own name; earlier ones of that name in other folders."""
    student = group[0][1].student
    if any(claim.student.late for _child, claim in group):
        student = replace(student, late=True)
    versions: dict[str, list[tuple[str, Claim]]] = defaultdict(list)
    for child, claim in group:
        versions[claim.file].append((child, claim))
    latest, earlier, notes = [], [], []
    for file, them in versions.items():
        (child, _claim), *older = sorted(them, key=lambda one: one[1].rank, reverse=True)
        latest.append(Part(child, PurePosixPath(file)))
        if not file:  # folders, as Moodle's of files and of text
            latest += [Part(other, PurePosixPath()) for other, _claim in older]
        elif older:
            note = _("Several versions of {name} were handed in; the latest counts.")
            notes.append(note.format(name=file_name(file)))
            earlier += [
                Part(other, PurePosixPath("earlier", str(number), file))
                for number, (other, _claim) in enumerate(older, 1)
            ]
    return Upload((*latest, *earlier), student, tuple(notes), platform)


def _alone(child: str, listing: Listing) -> Upload:
    """What does not fit: a submission of its own."""
    name = PurePosixPath() if listing[child] is not None else PurePosixPath(_normal(child))
    return Upload((Part(child, name),))


def _free_name(child: str, taken: Collection[str]) -> str:
    """A file or folder's name, which no other submission has."""
    path = PurePosixPath(child)
    known = path.suffix.lower() in (".py", ".ipynb", ".zip")
    plain = as_name(path.stem if known else child, "other")
    names = (f"{plain} [{number}]" if number > 1 else plain for number in count(1))
    return next(name for name in names if name not in taken)


def _submitters(lines: Iterable[str]) -> dict[str, Student]:
    """Who handed in each `submission_<id>`, going by the few lines that say so.

    The rest of the file may be megabytes of results, and is not parsed at all. What is parsed is
    plain text to the loader: it makes no objects, and follows no reference out of these lines.
    """
    import yaml

    heads: dict[str, str] = {}
    current, wanted = "", False
    for line in lines:
        if line[:1].strip():
            current, wanted = line.rstrip().removesuffix(":"), False
        elif re.match(r"  [^\s-]", line):
            wanted = line.startswith(("  :submitters:", "  :created_at:"))
        if current and wanted and line[:1] == " ":
            heads[current] = heads.get(current, "") + line[: HEAD - len(heads.get(current, ""))]
    found = {}
    for submission, text in heads.items():
        with suppress(yaml.YAMLError, RecursionError, AttributeError, TypeError, ValueError):
            head = yaml.load(text, Loader=yaml.BaseLoader)
            people = [_person(one) for one in head.get(":submitters", ())]
            submitted = moment(head.get(":created_at", ""))
            if len(people) == 1:
                found[submission] = replace(people[0], submitted=submitted)
            elif people:
                names = " & ".join(person.name for person in people)
                members = tuple(people)
                found[submission] = Student(name=names, submitted=submitted, members=members)
    return found


def _person(fields: Mapping[str, str]) -> Student:
    values = {key: _normal(fields.get(f":{key}") or "").strip() for key in ("name", "sid", "email")}
    name = values.pop("name") or values["email"] or values["sid"]
    if not name:
        raise ValueError("a submitter without a name")
    return Student(name=name, ids={key: value for key, value in values.items() if value})


def moment(text: str) -> str:
    """A platform's date and time as ISO 8601 in UTC; "" where its time zone is not known."""
    if not (match := MOMENT.match(text.strip())):
        return ""
    date, time, fraction, zone = match.groups()
    with suppress(ValueError, KeyError, OSError):  # no such time, no such zone
        if re.match(r"[+-]\d|Z$", zone):
            local = datetime.fromisoformat(f"{date}T{time}{fraction or ''}{zone}")
        else:
            local = datetime.fromisoformat(f"{date}T{time}{fraction or ''}")
            local = local.replace(tzinfo=ZoneInfo(zone))
        return local.astimezone(UTC).isoformat()
    return ""


def _unnumbered(file: str) -> tuple[str, int]:
    """`lstm-2.py` is `lstm.py`, handed in for the third time."""
    path = PurePosixPath(file)
    match = re.fullmatch(r"(.+)-(\d{1,2})", path.stem)
    return (match[1] + path.suffix, int(match[2])) if match else (file, 0)


def as_name(text: str, otherwise: str) -> str:
    """A name that can be a folder's, whatever a platform calls a student."""
    kept = "".join("-" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in _normal(text))
    kept = " ".join(kept[:MOST_NAME].split())
    return kept if kept.strip(".") else otherwise


def _normal(text: str) -> str:
    """NFC, and writable: see `submission`."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()
