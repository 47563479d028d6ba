"""Homes: the folder that each worker writes to, all in one folder of the grader's own."""

import itertools
import os
import tempfile
from contextlib import suppress


def make_all() -> str:
    """The folder for all homes of one grader."""
    folder = tempfile.mkdtemp(prefix="submissions-")
    os.chmod(folder, 0o711)  # workers are other users, and find only what they are told of
    return folder


def make(folder: str) -> str:
    """A home for one worker."""
    return tempfile.mkdtemp(prefix="submission-", dir=folder)


def remove(home: str) -> None:
    """Remove a folder, if it is there, however deep a submission has nested others in it."""
    with suppress(OSError):
        _remove(home)


def _remove(home: str) -> None:
    numbers = itertools.count()
    while entries := list(os.scandir(home)):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry)
                continue
            os.chmod(entry, 0o700)
            for inner in os.scandir(entry):
                # What is inside comes up, so that no path gets too long, and nothing recurses.
                os.rename(inner, f"{home}/removed {next(numbers)}")
            os.rmdir(entry)
    os.rmdir(home)
