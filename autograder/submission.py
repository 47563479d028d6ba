"""Find submissions and read their files into memory, without running or parsing any of them.

Every child of a folder (a file, a folder or a zip) is one submission. Nothing is written to disk,
so that no archive can write anywhere; sizes are counted while reading.
"""

import io
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.course import Assignment
from autograder.errors import UsageError
from autograder.language import _
from autograder.limits import DEFAULT, MIB, Limits
from autograder.pool import Job

SOURCES = (".py", ".ipynb")
# What systems and tools leave behind, and nobody handed in.
JUNK = {"__MACOSX", "__pycache__", ".git", ".DS_Store", ".ipynb_checkpoints", "Thumbs.db", ".venv"}
# Bytes of a zip's directory, which is parsed whole before its entries can be counted.
MOST_DIRECTORY = 4 * MIB


class Refused(Exception):
    """A submission, or a file of it, cannot be taken; str() is the sentence for the student."""


@dataclass(frozen=True)
class File:
    """One file of a submission. `data` is None where it is over its limit."""

    path: PurePosixPath
    size: int
    data: bytes | None


@dataclass(frozen=True)
class Submission:
    """What one student handed in. `refused` says why it cannot be read at all, if so."""

    name: str
    files: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class Work:
    """What a submission holds for one assignment: a job, or the reason why its file is refused."""

    assignment: str
    source: str
    job: Job | None
    refused: str = ""
    notes: tuple[str, ...] = field(default=())


def find(folder: Path) -> list[tuple[str, Path]]:
    """The name and path of every submission. Raises UsageError for a path that cannot be one."""
    if not folder.exists():
        raise UsageError(f"{folder} does not exist; give the folder that holds the submissions.")
    if folder.is_file():
        return [(_name(folder), folder)]
    try:
        children = sorted(child for child in folder.iterdir() if not _is_junk(child.name))
    except PermissionError:
        raise UsageError(f"{folder} cannot be read; check its permissions.") from None
    names = Counter(_name(child) for child in children)
    found: dict[str, Path] = {}
    for child in children:
        # alice.py beside alice.zip: both keep their ending. Names that are still the same (macOS and
        # others write the same Hangul in two ways) get a number.
        plain = _name(child) if names[_name(child)] == 1 else _normal(child.name)
        name, number = plain, 1
        while name in found:
            number += 1
            name = f"{plain} [{number}]"
        found[name] = child
    return list(found.items())


def read(name: str, path: Path, limits: Limits = DEFAULT) -> Submission:
    """Read a submission's files. Never raises for what a student did: that is `refused`."""
    own_name = _normal(path.name)
    try:
        if path.is_symlink():
            raise Refused(_("{name} is a link; hand in the file itself.").format(name=own_name))
        if path.is_dir():
            return Submission(name, *_read_folder(path, limits))
        if path.suffix.lower() == ".zip":
            return Submission(name, *_read_zip(path, limits))
        return Submission(name, (_read_file(path, PurePosixPath(own_name), limits),))
    except Refused as reason:
        return Submission(name, refused=str(reason))
    except PermissionError as error:
        file = _normal(Path(error.filename or path).name)
        sentence = _("{name} cannot be read; its permissions forbid it.").format(name=file)
        return Submission(name, refused=sentence)
    except OSError as error:
        sentence = _("{name} cannot be read ({reason}).")
        return Submission(name, refused=sentence.format(name=own_name, reason=error.strerror))


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
    for assignment in assignments.values():
        file, notes = _main_file(submission, assignment)
        if file is None:
            continue
        source = str(file.path)
        if file.data is None:
            limit = limits.notebook if file.path.suffix.lower() == ".ipynb" else limits.python_file
            reason = _(
                "{name} is {size:.1f} MiB, and at most {most:g} MiB are taken; hand in code only, "
                "and clear a notebook's outputs."
            ).format(name=file.path.name, size=file.size / MIB, most=limit / MIB)
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
    submission: Submission, assignment: Assignment
) -> tuple[File | None, tuple[str, ...]]:
    """The file to grade: by its exact name, else by an alias, else by the classes that it defines."""
    candidates = [f for f in submission.files if f.path.suffix.lower() in SOURCES]
    for stem in (assignment.name, *assignment.files):
        versions = [(f, v) for f in candidates if (v := _version(f.path.stem, stem)) is not None]
        if versions:
            # Shallow before deep, the latest of resubmissions, a .py before a notebook.
            best = min(
                versions,
                key=lambda x: (len(x[0].path.parts), -x[1], x[0].path.suffix.lower() == ".ipynb"),
            )[0]
            exact = best.path.stem == assignment.name
            graded_as = _("{found} is graded as {name}.")
            notes = [] if exact else [graded_as.format(found=best.path, name=assignment.name)]
            others = [
                str(f.path)
                for f in candidates
                if f is not best and f.data is not None and _defines(f.data, assignment)
            ]
            if others:
                note = _(
                    "{found} is graded; {others} has the classes of {name} as well, and was not."
                )
                names = ", ".join(others[:5])
                notes.append(note.format(found=best.path, others=names, name=assignment.name))
            return best, tuple(notes)
    defining = [f for f in candidates if f.data is not None and _defines(f.data, assignment)]
    scripts = [f for f in defining if f.path.suffix.lower() == ".py"] or defining
    if len(scripts) == 1:
        note = _("{found} is graded as {name}, by its classes.")
        return scripts[0], (note.format(found=scripts[0].path, name=assignment.name),)
    if len(scripts) > 1:
        note = _("{files} all define the classes of {name}; the first was graded.")
        files = ", ".join(str(f.path) for f in scripts)
        return scripts[0], (note.format(files=files, name=assignment.name),)
    return None, ()


def _version(stem: str, name: str) -> int | None:
    """0 for `name`, n for its resubmission `name-n` or `name (n)`, None for another name."""
    match = re.fullmatch(
        rf"{re.escape(name)}(?:-(\d{{1,6}})| ?\((\d{{1,6}})\))?", stem, re.IGNORECASE
    )
    return None if match is None else int(match[1] or match[2] or 0)


def _defines(data: bytes, assignment: Assignment) -> bool:
    """Whether every class with a TODO is defined, going by the text alone: nothing is parsed here."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = data.decode(encoding, "replace")
    return all(
        re.search(rf"\bclass\s+(?:{'|'.join((public, *aliases))})\b", text)
        for public, aliases in assignment.classes.items()
    )


def _read_file(path: Path, name: PurePosixPath, limits: Limits) -> File:
    size = _size(path, name)
    return File(name, size, path.read_bytes() if _wanted(name, size, limits) else None)


def _size(path: Path, name: PurePosixPath) -> int:
    """The size of an ordinary file; to open a pipe would be to wait for who writes into it."""
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise Refused(
            _("{name} is not an ordinary file; hand in the file itself.").format(name=name)
        )
    return info.st_size


def _wanted(name: PurePosixPath, size: int, limits: Limits) -> bool:
    """Whether to read a file at all: code within its limit."""
    limit = {".py": limits.python_file, ".ipynb": limits.notebook}.get(name.suffix.lower(), 0)
    return size <= limit


def _read_folder(folder: Path, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
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
            files.append(_read_file(path, name, limits))
    note = _("Links are ignored: {links}.").format(links=", ".join(links[:10]))
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


def _read_zip(path: Path, limits: Limits) -> tuple[tuple[File, ...], tuple[str, ...]]:
    _size(path, PurePosixPath(_normal(path.name)))
    try:
        with _Zip(path) as file, _open_zip(file) as archive:
            file.opened = True
            return tuple(_members(archive, limits)), ()
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError):
        sentence = _("{name} is not a zip that can be read; pack it again.")
        raise Refused(sentence.format(name=_normal(path.name))) from None
    except Exception as error:
        if isinstance(error, Refused | OSError):
            raise
        # zlib and struct errors of a damaged archive have no common base class.
        sentence = _("{name} is damaged ({error}); pack it again.")
        name = _normal(path.name)
        raise Refused(sentence.format(name=name, error=type(error).__name__)) from None


class _Zip(io.FileIO):
    """A zip whose directory is not read if it is longer than that of any honest one."""

    opened = False

    def read(self, size: int | None = -1, /) -> bytes:
        if not self.opened and (size or 0) > MOST_DIRECTORY:
            raise _too_many_entries(DEFAULT)
        return super().read(size)


def _open_zip(file: _Zip) -> zipfile.ZipFile:
    try:
        # Windows in Korean packs names in CP949 without saying so.
        return zipfile.ZipFile(file, metadata_encoding="cp949")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)


def _members(archive: zipfile.ZipFile, limits: Limits) -> Iterator[File]:
    members = archive.infolist()
    if len(members) > limits.entries:
        raise _too_many_entries(limits)
    room = limits.archive
    for member in members:
        name = PurePosixPath(_normal(member.filename.replace("\\", "/")))
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
        data = None
        if _wanted(name, member.file_size, limits):
            with archive.open(member) as stream:
                data = stream.read(member.file_size + 1)  # what the header says, and no more
            if len(data) != member.file_size:
                sentence = _("{name} lies about its size; pack your files anew.")
                raise Refused(sentence.format(name=which))
        yield File(name, member.file_size, data)


def _too_many_entries(limits: Limits) -> Refused:
    sentence = _("The zip holds more than {most:,} entries; hand in your code only.")
    return Refused(sentence.format(most=limits.entries))


def _is_junk(name: str) -> bool:
    return name in JUNK or name.startswith("._")


def _name(path: Path) -> str:
    known = not path.is_dir() and path.suffix.lower() in (*SOURCES, ".zip")
    # "..py" is a file, and "." is no name: it would lead out of its feedback folder.
    return _normal(path.stem if known and path.stem.strip(".") else path.name)


def _normal(text: str) -> str:
    """NFC: macOS takes Hangul apart, and then no name is found again."""
    # A name of bytes that are no text arrives as surrogates, which no output can hold.
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()
