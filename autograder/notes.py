"""What a worker notes while it reads a submission -> sentences, which only the judge writes.

A worker sends codes and numbers, as whatever it says may be said by the submission: in the grader's
voice nobody hears more than these sentences, with a reason that is cut short.
"""

import re
from pathlib import PurePath
from typing import Any

from autograder.absent import HARMLESS
from autograder.language import _

MOST = 20  # sentences
REASON = 200  # characters
MOST_LINE = 10**6
# The name of a file, or the cell of a notebook: no sentence.
PLAIN = re.compile(r"[\w./\-]+( ?\(\d{1,3}\)[\w.]*)?(, (cell|셀) \d{1,6})?")
MARKS = str.maketrans(dict.fromkeys('"“”„‟«»〝〞＂', "'"))

# Kinds of notes.
CELL, SYNTAX, FAILED, ALIAS, STOPPED = "cell", "syntax", "failed", "alias", "stopped"
LEFT_OUT = "left out"


def sentences(notes: list[Any], main: str) -> tuple[str, ...]:
    """The notes on `main` in words; what is none is dropped."""
    said = (_sentence(one, main) for one in notes[:MOST])
    return tuple(sentence for sentence in said if sentence)


def cell_of(name: str, number: int) -> str:
    """What the cell of a notebook is called in messages."""
    return _("{name}, cell {number}").format(name=name, number=number)


def _short(reason: str) -> str:
    return quoted(" ".join(reason.split())[:REASON].rstrip("."))


def quoted(text: str) -> str:
    """A submission's words, so that nobody takes them for the grader's."""
    return '"' + text.translate(MARKS) + '"'


def file_name(path: str | PurePath) -> str:
    """A file that was handed in; between quotation marks if its name could be taken for words."""
    text = str(path)
    return text if PLAIN.fullmatch(text) else quoted(text)


def _sentence(note: Any, main: str) -> str:
    match note:
        case [kind, str(found), str(name)] if kind == ALIAS and _is_name(found) and _is_name(name):
            return _("{found} is graded as {name}.").format(found=found, name=name)
        case [kind, str(package)] if kind == LEFT_OUT and package in HARMLESS:
            sentence = _(
                "{package} is left out while your work is checked: what it draws or logs is not graded."
            )
            return sentence.format(package=package)
        case [kind, int(line), str(reason)] if kind == STOPPED and 0 <= line < MOST_LINE:
            sentence = _(
                "{file} stopped in line {line}: what stands above it was graded, and nothing below it "
                "was run ({error})."
            )
            return sentence.format(file=file_name(main), line=line, error=_short(reason))
        case [str(kind), int(number), int(line), str(reason)] if main.lower().endswith(".ipynb"):
            if not (0 <= number < MOST_LINE and 0 <= line < MOST_LINE):
                return ""
            file, reason = cell_of(file_name(main), number), _short(reason)
            if kind == CELL:
                return _("{file} is left out: {reason}").format(file=file, reason=reason)
            if kind == SYNTAX:
                sentence = _("{file} is left out: {reason} (line {line}).")
                return sentence.format(file=file, reason=reason, line=line)
            if kind == FAILED:
                sentence = _("{file}, line {line} is left out: {error}")
                return sentence.format(file=file, line=line, error=reason)
    return ""


def _is_name(text: str) -> bool:
    return text.isidentifier() and len(text) < REASON
