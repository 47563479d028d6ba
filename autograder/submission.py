"""Find submissions and read their files into memory, without running or parsing any of them.

Every child of a folder (a file, a folder or a zip) is one submission, unless it is a platform's
download (see `platforms`). Nothing is written to disk, so that no archive can write anywhere; sizes
are counted while reading.
"""

import io
import re
import stat
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from autograder import platforms
from autograder.course import Assignment
from autograder.errors import UsageError
from autograder.language import _
from autograder.limits import DEFAULT, MIB, Limits
from autograder.notes import file_name
from autograder.platforms import Part, Upload
from autograder.pool import Job
from autograder.reports.text import one_line
from autograder.results import Student
from autograder.search import File, Search

SOURCES = (".py", ".ipynb")
ROOT = PurePosixPath()
MOST_NAME = 200  # bytes of a submission's name
# What systems and tools leave behind, and nobody handed in.
JUNK = {"__MACOSX", "__pycache__", ".git", ".DS_Store", ".ipynb_checkpoints", "Thumbs.db", ".venv"}
# Bytes of a zip's directory, which is parsed whole before its entries can be counted.
MOST_DIRECTORY = 4 * MIB


class Refused(Exception):
    """A submission, or a file of it, cannot be taken; str() is the sentence for the student."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in. `refused` says why it cannot be read at all, if so.

    `student`: whose it is, where a platform says so.
    """

    name: str
    files: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""
    student: Student | None = None


@dataclass(frozen=True)
class Work:
    """What a submission holds for one assignment: a job, or the reason why its file is refused."""

    assignment: str
    source: str
    job: Job | None
    refused: str = ""
    notes: tuple[str, ...] = field(default=())


class Download(Protocol):
    """The folder or the zip that a class was downloaded as."""

    name: str

    def listing(self) -> dict[str, Collection[str] | None]:
        """See `platforms.Listing`."""

    def below(self, folder: str) -> "Download": ...

    def lines(self, path: str) -> Iterator[str]:
        """The lines of a text file in it; none where there is no such file. Raises UsageError."""

    def files(self, part: Part, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
        """A student's files and notes, with the data of zips at the top. Raises Refused."""


@dataclass(frozen=True)
class Inside:
    """Where a submission lies that is part of a download."""

    download: Download
    upload: Upload


Place = Path | Inside


def find(folder: Path) -> list[tuple[str, Place]]:
    """The name and place of every submission. Raises UsageError for a path that cannot be one."""
    if not folder.exists():
        raise UsageError(f"{folder} does not exist; give the folder that holds the submissions.")
    if folder.is_file():
        alone: list[tuple[str, Place]] = [(_name(folder), folder)]
        return (folder.suffix.lower() == ".zip" and _in_download(Zip.of(folder))) or alone
    try:
        if found := _in_download(Folder(folder)):
            return found
        children = sorted(child for child in folder.iterdir() if not _is_junk(child.name))
    except PermissionError:
        raise UsageError(f"{folder} cannot be read; check its permissions.") from None
    return _named((_name(child), _normal(child.name), child) for child in children)


def _in_download(download: Download) -> list[tuple[str, Place]]:
    """The submissions in a platform's download; none where it is not one."""
    for _depth in range(2):  # archives, and what unpacks them, add a folder around it
        listing = download.listing()
        if _only_folder(listing) == download.name:  # it is not a student's
            download = download.below(download.name)
            listing = download.listing()
        if found := platforms.recognise(download.name, listing, download.lines):
            return [(name, Inside(download, upload)) for name, upload in found.items()]
        if not (child := _only_folder(listing)):
            break
        download = download.below(child)
    return []


def _only_folder(listing: Mapping[str, Collection[str] | None]) -> str:
    """The folder that all the rest lies in; "" where there is none."""
    [child, *others] = listing or [""]
    return "" if others or not listing.get(child) else child


def _named(found: Iterable[tuple[str, str, Path]]) -> list[tuple[str, Place]]:
    """No two of one name, as tables show it: (a short name, the whole name, the path) of each."""
    them = list(found)
    names = Counter(one_line(short) for short, _whole, _path in them)
    named: dict[str, Place] = {}
    taken: set[str] = set()
    for short, whole, path in them:
        # alice.py beside alice.zip: both keep their ending. Names that are still the same (macOS and
        # others write the same Hangul in two ways) get a number.
        plain = _cut(short if names[one_line(short)] == 1 else whole)
        name, number = plain, 1
        while one_line(name) in taken:
            number += 1
            name = f"{plain} [{number}]"
        named[name] = path
        taken.add(one_line(name))
    return list(named.items())


def read(name: str, place: Place, limits: Limits = DEFAULT) -> Submission:
    """Read a submission's files. Never raises for what a student did: that is `refused`."""
    student = None
    if isinstance(place, Inside):
        student, own_name = place.upload.student, name
    else:
        own_name = _normal(place.name)
    try:
        if isinstance(place, Inside):
            return Submission(name, *_read_upload(place, limits), student=student)
        if place.is_symlink():
            raise Refused(
                _("{name} is a link; hand in the file itself.").format(name=file_name(own_name))
            )
        if place.is_dir():
            return Submission(name, *_read_folder(place, limits))
        if place.suffix.lower() == ".zip":
            _size(place, PurePosixPath(own_name))
            return Submission(name, *_read_zip(place, own_name, limits))
        return Submission(name, (_read_file(place, PurePosixPath(own_name), limits),))
    except Refused as reason:
        return Submission(name, refused=str(reason), student=student)
    except PermissionError as error:
        file = _normal(Path(error.filename or own_name).name)
        sentence = _("{name} cannot be read; its permissions forbid it.").format(
            name=file_name(file)
        )
        return Submission(name, refused=sentence, student=student)
    except OSError as error:
        sentence = _("{name} cannot be read ({reason}).")
        sentence = sentence.format(name=file_name(own_name), reason=error.strerror)
        return Submission(name, refused=sentence, student=student)


def read_own(folder: Path, limits: Limits = DEFAULT) -> Submission:
    """A student's own folder: the code files in it, not those below."""
    files = [
        _read_file(path, PurePosixPath(path.name), limits)
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SOURCES and path.is_file()
    ]
    return Submission(folder.name, tuple(files))


def works(
    submission: Submission, assignments: Mapping[str, Assignment], limits: Limits = DEFAULT
) -> list[Work]:
    """What the submission holds for each assignment; those that it does not contain are absent."""
    found = []
    search = Search(assignments.values(), limits.searched)
    for assignment in assignments.values():
        file, notes = _main_file(submission, assignment, search)
        if file is None:
            continue
        source = str(file.path)
        if file.data is None:
            limit = limits.notebook if file.path.suffix.lower() == ".ipynb" else limits.python_file
            reason = _(
                "{name} is {size:.1f} MiB, and at most {most:g} MiB are taken; hand in code only, "
                "and clear a notebook's outputs."
            ).format(name=file_name(file.path.name), size=file.size / MIB, most=limit / MIB)
            found.append(Work(assignment.name, source, None, reason, notes))
            continue
        files = {
            str(other.path.relative_to(file.path.parent)): other.data
            for other in submission.files
            if other.data is not None
            and other.path.suffix == ".py"
            and other.path.is_relative_to(file.path.parent)
        }
        files[file.path.name] = file.data
        job = Job(assignment.name, file.path.name, files)
        found.append(Work(assignment.name, source, job, "", notes))
    if found and search.left_out:
        sentence = _(
            "It is too much to search it all for classes; files that were not searched: {count} "
            "({files}). Hand in only what your work needs."
        )
        some = [*map(file_name, search.left_out)][:5] + ["…"] * (len(search.left_out) > 5)
        note = sentence.format(count=len(search.left_out), files=", ".join(some))
        found[0] = replace(found[0], notes=(*found[0].notes, note))
    return found


def strays(submission: Submission, used: list[Work]) -> list[str]:
    """Files that no assignment was found in, for the notes; Python helpers beside one are not."""
    sources = {work.source for work in used}
    return [
        str(file.path)
        for file in submission.files
        if str(file.path) not in sources and (not used or file.path.suffix != ".py")
    ]


def _main_file(
    submission: Submission, assignment: Assignment, search: Search
) -> tuple[File | None, tuple[str, ...]]:
    """The file to grade: by its exact name, else by an alias, else by the classes that it defines."""
    candidates = [f for f in submission.files if f.path.suffix.lower() in SOURCES]
    for stem in (assignment.name, *assignment.files):
        versions = [(f, v) for f in candidates if (v := _version(f.path.stem, stem)) is not None]
        if versions:
            # What was worked on (a hand-out holds a notebook and a .py), shallow before deep, the
            # latest of resubmissions, a .py before a notebook.
            versions.sort(
                key=lambda x: (len(x[0].path.parts), -x[1], x[0].path.suffix.lower() == ".ipynb")
            )
            worked_on = (f for f, _v in versions if not search.untouched(f, assignment))
            best = next(worked_on, versions[0][0])
            exact = best.path.stem == assignment.name
            graded_as = _("{found} is graded as {name}.")
            notes = (
                []
                if exact
                else [graded_as.format(found=file_name(best.path), name=assignment.name)]
            )
            others = [
                file_name(f.path)
                for f in candidates
                if f is not best and search.defines(f, assignment)
                if not search.untouched(f, assignment)
            ]
            if others:
                note = _(
                    "{found} is graded; {others} has the classes of {name} as well, and was not."
                )
                names = ", ".join(others[:5])
                notes.append(
                    note.format(found=file_name(best.path), others=names, name=assignment.name)
                )
            return best, tuple(notes)
    defining = [f for f in candidates if search.defines(f, assignment)]
    scripts = [f for f in defining if f.path.suffix.lower() == ".py"] or defining
    if len(scripts) == 1:
        note = _("{found} is graded as {name}, by its classes.")
        return scripts[0], (note.format(found=file_name(scripts[0].path), name=assignment.name),)
    if len(scripts) > 1:
        note = _("{files} all define the classes of {name}; the first was graded.")
        files = ", ".join(file_name(f.path) for f in scripts)
        return scripts[0], (note.format(files=files, name=assignment.name),)
    return None, ()


def _version(stem: str, name: str) -> int | None:
    """0 for `name`, n for its resubmission `name-n` or `name (n)`, None for another name."""
    match = re.fullmatch(
        rf"{re.escape(name)}(?:-(\d{{1,6}})| ?\((\d{{1,6}})\))?", stem, re.IGNORECASE
    )
    return None if match is None else int(match[1] or match[2] or 0)


def _read_upload(place: Inside, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """One student's files in a download, with what their own zips hold."""
    files: list[File] = []
    notes = list(place.upload.notes)
    reasons: list[str] = []
    for part in place.upload.parts:
        found, said = place.download.files(part, limits)
        notes += said
        for file in found:
            if file.data is None or file.path.suffix.lower() != ".zip":
                files.append(file)
                continue
            try:
                packed, _none = _read_zip(io.BytesIO(file.data), file.path.name, limits)
                inside = file.path.with_name(file.path.stem.strip(".") or "zip")
                files += (replace(f, path=inside / f.path) for f in packed)
            except Refused as reason:
                reasons.append(str(reason))
        if len(files) > limits.entries:
            sentence = _("It holds more than {most:,} files; hand in your code only.")
            raise Refused(sentence.format(most=limits.entries))
        if sum(file.size for file in files if file.data is not None) > limits.archive:
            sentence = _("It holds more than {most} MiB of code; hand in your code only.")
            raise Refused(sentence.format(most=limits.archive // MIB))
    if reasons and not any(file.data is not None for file in files):
        raise Refused(reasons[0])
    return tuple(files), (*notes, *reasons)


def _read_file(path: Path, name: PurePosixPath, limits: Limits, zips: int = 0) -> File:
    """A file, with its data if that is wanted; of a zip, if it takes no more than `zips` bytes."""
    size = _size(path, name)
    return File(name, size, path.read_bytes() if _wanted(name, size, limits, zips) else None)


def _size(path: Path, name: PurePosixPath) -> int:
    """The size of an ordinary file; to open a pipe would be to wait for who writes into it."""
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise Refused(
            _("{name} is not an ordinary file; hand in the file itself.").format(
                name=file_name(name)
            )
        )
    return info.st_size


def _wanted(name: PurePosixPath, size: int, limits: Limits, zips: int = 0) -> bool:
    """Whether to read a file at all: code within its limit, and a zip within `zips`."""
    most = {".py": limits.python_file, ".ipynb": limits.notebook, ".zip": zips}
    return size <= most.get(name.suffix.lower(), 0)


def _read_folder(
    folder: Path, limits: Limits, zips: int = 0
) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """What lies in a folder; zips at its top are read as well, up to `zips` bytes of them."""
    files: list[File] = []
    links: list[str] = []
    for path in _walk(folder):
        name = PurePosixPath(_normal(path.relative_to(folder).as_posix()))
        if path.is_symlink():
            links.append(str(name))
        elif len(files) == limits.entries:
            sentence = _("It holds more than {most:,} files; hand in your code only.")
            raise Refused(sentence.format(most=limits.entries))
        else:
            files.append(_read_file(path, name, limits, zips if len(name.parts) == 1 else 0))
            if files[-1].data is not None and name.suffix.lower() == ".zip":
                zips -= files[-1].size
    note = _("Links are ignored: {links}.").format(links=", ".join(map(file_name, links[:10])))
    return tuple(files), (note,) if links else ()


def _walk(folder: Path) -> Iterator[Path]:
    """The files and links below a folder, in order; links to folders are not followed."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path.is_dir() and not path.is_symlink():
            children = [child for child in path.iterdir() if not _is_junk(child.name)]
            waiting += sorted(children, reverse=True)
        else:
            yield path


def _read_zip(
    source: Path | io.BytesIO, name: str, limits: Limits
) -> tuple[tuple[File, ...], tuple[str, ...]]:
    with _refusing(name), source.open("rb") if isinstance(source, Path) else source as stream:
        guarded = _Guarded(stream, limits)
        with _open_zip(guarded) as archive:
            guarded.opened = True
            # Of two of one name the last counts, as for whoever unpacks it.
            found = {file.path: file for file in _members(archive, archive.infolist(), limits)}
            return tuple(found.values()), ()


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """What is wrong with a zip of this name becomes a sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError):
        sentence = _("{name} is not a zip that can be read; pack it again.")
        raise Refused(sentence.format(name=file_name(name))) from None
    except Exception as error:
        if isinstance(error, Refused | UsageError | OSError):
            raise
        # zlib and struct errors of a damaged archive have no common base class.
        sentence = _("{name} is damaged ({error}); pack it again.")
        raise Refused(sentence.format(name=file_name(name), error=type(error).__name__)) from None


class _Guarded:
    """A zip whose directory is not read if it is longer than that of any honest one."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self._stream, self._limits = stream, limits
        self.opened = False

    def read(self, size: int = -1) -> bytes:
        if not self.opened and size > MOST_DIRECTORY:
            raise _too_many_entries(self._limits)
        return self._stream.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _open_zip(source: Path | _Guarded) -> zipfile.ZipFile:
    file: Any = source
    try:
        # Windows in Korean packs names in CP949 without saying so.
        return zipfile.ZipFile(file, metadata_encoding="cp949")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)


def _members(
    archive: zipfile.ZipFile,
    members: Sequence[zipfile.ZipInfo],
    limits: Limits,
    top: PurePosixPath = ROOT,
    called: PurePosixPath = ROOT,
    zips: int = 0,
) -> Iterator[File]:
    """The files among these members, which lie below `top`; in the submission it is `called` so.

    Zips at the top are read as well, if they take no more than `zips` bytes.
    """
    if len(members) > limits.entries:
        raise _too_many_entries(limits)
    room = limits.archive
    for member in members:
        name = _path_of(member)
        which = _("The zip's member {name}").format(name=repr(str(name)))
        if name.is_absolute() or ".." in name.parts or re.match(r"[A-Za-z]:", str(name)):
            sentence = _("{name} leads out of the zip; pack your files anew.")
            raise Refused(sentence.format(name=which))
        if stat.S_ISLNK(member.external_attr >> 16):
            raise Refused(_("{name} is a link; hand in the file itself.").format(name=which))
        if member.flag_bits & 0x1:
            sentence = _("{name} is encrypted; pack your files without a password.")
            raise Refused(sentence.format(name=which))
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            sentence = _("{name} is compressed in an unusual way; pack an ordinary zip.")
            raise Refused(sentence.format(name=which))
        room -= member.file_size
        if room < 0:
            sentence = _("{name} takes the zip over {most} MiB inflated; hand in code only.")
            raise Refused(sentence.format(name=which, most=limits.archive // MIB))
        if member.is_dir() or any(_is_junk(part) for part in name.parts):
            continue
        below = name.relative_to(top)
        name = called / below
        data = None
        if _wanted(name, member.file_size, limits, zips if len(below.parts) < 2 else 0):
            with archive.open(member) as stream:
                data = stream.read(member.file_size + 1)  # what the header says, and no more
            if len(data) != member.file_size:
                sentence = _("{name} lies about its size; pack your files anew.")
                raise Refused(sentence.format(name=which))
        yield File(name, member.file_size, data)


def _too_many_entries(limits: Limits) -> Refused:
    sentence = _("The zip holds more than {most:,} entries; hand in your code only.")
    return Refused(sentence.format(most=limits.entries))


def _path_of(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(_normal(member.filename.replace("\\", "/")))


class Folder:
    """A download that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.resolve().name

    def listing(self) -> dict[str, Collection[str] | None]:
        return {
            child.name: _names(child) if child.is_dir() and not child.is_symlink() else None
            for child in sorted(self._path.iterdir())
            if not _is_junk(child.name)
        }

    def below(self, folder: str) -> Download:
        return Folder(self._path / folder)

    def lines(self, path: str) -> Iterator[str]:
        file = self._path / path
        if file.is_file() and not file.is_symlink():
            _require_size(path, file.stat().st_size)
            with file.open("rb") as stream:
                yield from _text_lines(stream)

    def files(self, part: Part, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
        path = self._path / part.where
        if path.is_symlink():
            name = _normal(part.where)
            raise Refused(
                _("{name} is a link; hand in the file itself.").format(name=file_name(name))
            )
        if path.is_dir():
            files, notes = _read_folder(path, limits, limits.archive)
            return tuple(replace(file, path=part.name / file.path) for file in files), notes
        return (_read_file(path, part.name, limits, limits.archive),), ()


class Zip:
    """A download as it came: open while it is read, and never unpacked."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, top: PurePosixPath) -> None:
        self._archive, self._path, self._top = archive, path, top
        self.name = top.name or path.stem
        self._members: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        for member in archive.infolist():
            name = _path_of(member)
            if name.is_absolute() or ".." in name.parts[:1]:
                raise UsageError(
                    f"The member {str(name)!r} of {path} leads out of it; download the zip again."
                )
            if name != top and name.is_relative_to(top):
                parts = name.relative_to(top).parts
                if not any(map(_is_junk, parts[:1])):
                    self._members[parts[0]].append(member)

    @classmethod
    def of(cls, path: Path, limits: Limits = DEFAULT) -> "Zip":
        """Open it. Raises UsageError for what is no zip, or holds nothing."""
        try:
            with _refusing(str(path)):
                archive = _open_zip(path)
        except Refused:
            raise UsageError(
                f"{path} is not a zip that can be read; download it again, or give a folder."
            ) from None
        count = len(archive.infolist())
        if not count:
            raise UsageError(f"{path} is empty; give the zip that holds the submissions.")
        if count > limits.class_entries:
            most = f"{limits.class_entries:,} entries"
            raise UsageError(f"{path} holds more than {most}; unpack it and give the folder.")
        return cls(archive, path, PurePosixPath())

    def listing(self) -> dict[str, Collection[str] | None]:
        return {child: self._names(child) for child in sorted(self._members)}

    def _names(self, child: str) -> Collection[str] | None:
        top = self._top / child
        names = set()
        folder = False
        for member in self._members[child]:
            parts = _path_of(member).relative_to(top).parts
            folder |= bool(parts) or member.is_dir()
            if parts and not _is_junk(parts[0]):
                names.add(parts[0] + "/" * (len(parts) > 1 or member.is_dir()))
        return names if folder else None

    def below(self, folder: str) -> Download:
        return Zip(self._archive, self._path, self._top / folder)

    def lines(self, path: str) -> Iterator[str]:
        name = self._top / path
        for member in self._members.get(PurePosixPath(path).parts[0], ()):
            if _path_of(member) == name and not member.is_dir():
                _require_size(path, member.file_size)
                try:
                    with _refusing(str(name)), self._archive.open(member) as stream:
                        yield from _text_lines(stream)
                except (Refused, RuntimeError):
                    raise UsageError(
                        f"{path} in {self._path} cannot be read; download it again."
                    ) from None

    def files(self, part: Part, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
        members = self._members[part.where]
        top = self._top / part.where
        with _refusing(_normal(part.where)):
            found = _members(self._archive, members, limits, top, part.name, limits.archive)
            return tuple(found), ()


def _names(folder: Path) -> Collection[str]:
    """The names in a folder, those of folders with a "/"; none where it cannot be read."""
    with suppress(PermissionError):
        return {
            child.name + "/" * (child.is_dir() and not child.is_symlink())
            for child in folder.iterdir()
        }
    return ()


def _require_size(path: str, size: int) -> None:
    if size > DEFAULT.metadata:
        raise UsageError(
            f"{path} is over {DEFAULT.metadata // MIB} MiB; take it out, and submissions are named "
            "by their numbers."
        )


def _text_lines(stream: IO[bytes]) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for line in io.BytesIO(stream.read(DEFAULT.metadata)))


def _is_junk(name: str) -> bool:
    return name in JUNK or name.startswith("._")


def _name(path: Path) -> str:
    known = not path.is_dir() and path.suffix.lower() in (*SOURCES, ".zip")
    # "..py" is a file, and "." is no name: it would lead out of its feedback folder.
    return _normal(path.stem if known and path.stem.strip(".") else path.name)


def _cut(name: str) -> str:
    """A name that a folder can have, with a number behind it."""
    return name.encode()[:MOST_NAME].decode(errors="ignore")


def _normal(text: str) -> str:
    """NFC: macOS takes Hangul apart, and then no name is found again."""
    # A name of bytes that are no text arrives as surrogates, which no output can hold.
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()
