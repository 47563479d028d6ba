"""Homes: the folder that each worker writes to, all in one folder of the grader's own."""

import errno
import itertools
import os
import secrets
import shutil
import tempfile
from contextlib import suppress


def make_all() -> str:
    """The folder for all homes of one grader.

    A worker may own its home, and could put something else in its place if it could write to the
    folder above: this one belongs to the judge.
    """
    folder = tempfile.mkdtemp(prefix="submissions-")
    os.chmod(folder, 0o711)  # workers are other users, and find only what they are told of
    return folder


def make(folder: str) -> str:
    """A home for one worker."""
    return tempfile.mkdtemp(prefix="submission-", dir=folder)


def crowded(home: str, most: int) -> bool:
    """Whether there are more files and folders in it than this, or one that cannot be looked into."""
    waiting, count = [home], 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > most:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except PermissionError:
            return True  # nobody but the submission can have closed it
        except OSError:
            pass  # it is gone, or nested too deep: that takes longer than a submission has
    return False


def remove(home: str) -> None:
    """Remove a folder, if it is there, however deep a submission has nested others in it."""
    if os.open not in os.supports_dir_fd:  # on Windows, where only one's own code is run
        shutil.rmtree(home, ignore_errors=True)
        return
    with suppress(OSError):
        _remove(home)


def _remove(home: str) -> None:
    # By descriptors, so that nothing is followed that was put in the place of a folder meanwhile.
    unused = (f"{secrets.token_hex(8)} {number}" for number in itertools.count())
    top = _open_folder(home)
    try:
        while names := os.listdir(top):
            for name in names:
                try:
                    folder = _open_folder(name, top)
                except OSError:
                    os.unlink(name, dir_fd=top)
                    continue
                try:
                    for inner in os.listdir(folder):
                        # What is inside comes up, so that no path gets too long, and nothing recurses.
                        os.rename(inner, next(unused), src_dir_fd=folder, dst_dir_fd=top)
                finally:
                    os.close(folder)
                try:
                    os.rmdir(name, dir_fd=top)
                except OSError as error:
                    # The worker lives for a moment longer, and writes: then once more.
                    if error.errno != errno.ENOTEMPTY:
                        raise
    finally:
        os.close(top)
    os.rmdir(home)


def _open_folder(name: str, within: int | None = None) -> int:
    """A folder that is no link, made writable. Raises OSError for anything else."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        folder = os.open(name, flags, dir_fd=within)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=within)
        folder = os.open(name, flags, dir_fd=within)
    os.fchmod(folder, 0o700)
    return folder
