"""Attributes of other people's classes and modules, replaced for a while."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

INHERITED = object()


@contextmanager
def patched(changes: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """While it is on, each (owner, name) has the value that stands with it; then all is as before."""
    saved = [(owner, name, vars(owner).get(name, INHERITED)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in saved:
            if value is INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
