"""What was graded, kept in OUT/results.sqlite: a grader that was killed is taken up where it was.

A result is stored under a digest of all that decides it (see `origin`), before anything else is
written of it. A store belongs to one grader at a time, and to one of its threads.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from autograder.errors import UsageError
from autograder.results import Result

APPLICATION = 0x67726164  # so that another program's database is not taken for ours
VERSION = 1  # of these tables
CREATE = f"""
BEGIN;
CREATE TABLE seed (seed INTEGER);
CREATE TABLE results (
    submission TEXT, assignment TEXT, key TEXT, line TEXT, PRIMARY KEY (submission, assignment)
);
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
COMMIT;
"""


class Unreadable(UsageError):
    """The file is damaged, or something else than a store."""


class Store:
    """The results that are known. Close it when done. All of it may raise UsageError.

    Nothing is written before `begin`: until then, a store that is not there is held in memory.
    """

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path, self._fresh = path, fresh
        self._database = self._open(path if path.exists() and not fresh else ":memory:")

    @property
    def seed(self) -> int | None:
        """The seed of the class; None until there is one."""
        with self._said(), self._database as database:
            row = database.execute("SELECT seed FROM seed").fetchone()
            return row[0] if row else None

    def begin(self, seed: int, *, lasting: bool) -> None:
        """Write from here on. The seed becomes that of the class if it shall last, or is the first."""
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._fresh and self._path.exists():
            with suppress(Unreadable):  # that another grader writes here is said all the same
                self._open(self._path).close()
            self._path.unlink()
            self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
        self._database = self._open(self._path)
        if lasting or self.seed is None:
            with self._said(), self._database as database:
                database.execute("DELETE FROM seed")
                database.execute("INSERT INTO seed VALUES (?)", (seed,))

    @property
    def submissions(self) -> set[str]:
        """The names of those of whom a result is stored."""
        with self._said(), self._database as database:
            return {name for (name,) in database.execute("SELECT submission FROM results")}

    def get(self, submission: str, assignment: str, key: str) -> Result | None:
        """The result that is stored under this key; None where there is none, or of another key."""
        query = "SELECT line FROM results WHERE (submission, assignment, key) = (?, ?, ?)"
        with self._said(), self._database as database:
            row = database.execute(query, (submission, assignment, key)).fetchone()
        try:
            return Result.from_line(row[0]) if row else None
        except (ValueError, KeyError, TypeError):
            return None  # then it is graded again

    def put(self, graded: Mapping[str, Result]) -> None:
        """Keep one submission's results by their keys, all at once; what is not steady is not kept."""
        with self._said(), self._database as database:
            for key, result in graded.items():
                pair = result.submission, result.assignment
                database.execute(
                    "DELETE FROM results WHERE (submission, assignment) = (?, ?)", pair
                )
                if result.steady:
                    row = (*pair, key, result.to_line())
                    database.execute("INSERT INTO results VALUES (?, ?, ?, ?)", row)

    def close(self) -> None:
        """Let go of the file: another grader may have it."""
        self._database.close()

    def _open(self, path: Path | str) -> sqlite3.Connection:
        """Open a file for this grader alone; make it if it is not there.

        With a rollback journal, not WAL: it survives a kill as well, and works on network disks.
        """
        with self._said(), ExitStack() as stack:
            database = stack.enter_context(closing(sqlite3.connect(path, timeout=1)))
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.executescript("BEGIN EXCLUSIVE; COMMIT")  # the lock is held from here on
            pragmas = "PRAGMA application_id", "PRAGMA user_version"
            kind = [database.execute(pragma).fetchone()[0] for pragma in pragmas]
            if kind == [0, 0] and not database.execute("SELECT * FROM sqlite_master").fetchone():
                database.executescript(CREATE)
            elif kind != [APPLICATION, VERSION]:
                raise self._unreadable("it is of another version or program")
            stack.pop_all()
        return database

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What goes wrong in it becomes one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its details
            if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise self._unreadable(str(error)) from None
            if code == sqlite3.SQLITE_BUSY:
                sentence = f"another autograder writes to {self._path.parent}; wait for its end, or"
                raise UsageError(f"{sentence} give -o another folder.") from None
            sentence = f"{self._path} cannot be written ({error}); when that is mended, the same"
            raise UsageError(f"{sentence} command goes on with what is left.") from None

    def _unreadable(self, reason: str) -> Unreadable:
        sentence = f"{self._path} cannot be used ({reason}); start over with --fresh, or give -o"
        return Unreadable(f"{sentence} another folder.")
