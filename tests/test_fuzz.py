"""Structured fuzzing of what comes from outside: frames of a worker, archives, folders, notebooks.

Each starts from something valid and breaks it where a forger would: lengths, JSON, headers, names,
sizes, flags. The same cases in every run; the slow tests try more of them.
"""

import copy
import json
import os
import stat
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import frames
from autograder.check import REMARKS
from autograder.compare import difference, remarks, tolerances
from autograder.frames import PREFIX, BadFrame
from autograder.limits import DEFAULT, KIB, MIB, Limits
from autograder.observation import Arrays, Observed, Raised, Tensor, pack, unpack
from autograder.source import Source, UnreadableSource, read_notebook, read_python
from autograder.submission import read, strays, works
from tests.conftest import REPOSITORY
from tests.test_frames import receiver, tensors
from tests.test_observation import OBSERVED, RAISED, same
from tests.test_source import notebook
from tests.test_submission import ASSIGNMENTS, CLASSES

FEW, MANY = 150, 3000
FIXED = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
budgets = pytest.mark.parametrize(
    "examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"]
)


def fuzz(examples: int, strategy: st.SearchStrategy[Any], holds: Callable[[Any], None]) -> None:
    """See that something holds for so many examples."""
    settings(FIXED, max_examples=examples)(given(strategy)(holds))()


# Breaking things

INTERESTING = st.sampled_from(
    [0, -1, 1, 2**31, 2**32 - 1, 2**53 + 1, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, True, None]
)
STRINGS = st.sampled_from(
    [
        *("", "0", "1", "x", "tensor", "other", "float", "nan", "F64", "BOOL", "float64"),
        *("bfloat16", "cpu", "\0", "é", "\u202e", "x" * 3000, "__metadata__", "shown", "../x"),
    ]
)
SCALARS = INTERESTING | STRINGS
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def broken(draw: st.DrawFn, tree: Any) -> Any:
    """A JSON tree with one to three of its nodes replaced, removed, doubled or renamed."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(tree))
        if not places:
            return draw(JUNK)
        holder, key = draw(st.sampled_from(places))
        what = draw(st.sampled_from(["replace", "replace", "remove", "double", "rename", "nest"]))
        if what == "replace":
            holder[key] = draw(JUNK)
        elif what == "remove":
            del holder[key]
        elif what == "nest":
            holder[key] = [holder[key]]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            value = holder[key] if what == "double" else holder.pop(key)
            holder[draw(STRINGS)] = value
    return tree


def _places(tree: Any) -> Any:
    """Every (dict or list, key) of a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items) if isinstance(tree, dict | list) else ():
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with a few of them changed, cut out, put in or repeated."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 9))
        piece = draw(st.binary(max_size=9) | st.just(data[at : at + size]))
        data = data[:at] + piece + data[at + draw(st.sampled_from([0, size, len(piece)])) :]
    return data


# Frames of a worker

OBSERVATIONS = OBSERVED | RAISED


@st.composite
def sent_frames(draw: st.DrawFn) -> bytes:
    """What a worker sends, broken in its JSON, in the header of its tensors or in its bytes."""
    tree, arrays = pack(draw(OBSERVATIONS))
    part = draw(st.sampled_from(["none", "json", "header", "bytes", "lengths"]))
    whole = frames.encode(tree, arrays)
    header_size, _ = PREFIX.unpack(whole[: PREFIX.size])
    header, rest = whole[PREFIX.size :][:header_size], whole[PREFIX.size + header_size :]
    if part == "json":
        header = json.dumps(draw(broken(tree))).encode()
    elif part == "header" and rest:
        size = int.from_bytes(rest[:8], "little")
        described = draw(broken(json.loads(rest[8 : 8 + size])))
        rest = tensors(described, rest[8 + size :])
    elif part == "bytes":
        return draw(damaged(whole))
    lengths = [len(header), len(rest)]
    if part == "lengths":
        odd = st.sampled_from([0, 1, 8, 2**20, 2**24, 2**32 - 1])
        lengths[draw(st.integers(0, 1))] = draw(odd | st.integers(0, 200))
    return PREFIX.pack(*lengths) + header + rest


def meaning(tree: Any, arrays: Arrays) -> Any:
    """A packed observation with each tensor in the place of its name, so that two can be compared."""
    if isinstance(tree, dict):
        if isinstance(key := tree.get("tensor"), str) and key in arrays:
            array = arrays[key]
            return (array.tobytes(), str(array.dtype), array.shape, tree["dtype"], tree["device"])
        return {name: meaning(value, arrays) for name, value in tree.items()}
    if isinstance(tree, list):
        return [meaning(value, arrays) for value in tree]
    return repr(tree[: DEFAULT.text] if isinstance(tree, str) else tree)


REFERENCE = Observed(
    {
        "": Tensor(np.ones((2, 3)), "float64"),
        "0": [Tensor(np.zeros(2), "float64"), None, "text", 5],
        "x": 0.5,
        REMARKS: ["a remark"],
    }
)


def is_an_observation_or_refused(data: bytes) -> None:
    asked = []
    receive = receiver(data)

    def count(size: int) -> bytes:
        asked.append(size)
        return receive(size)

    try:
        tree, arrays = frames.read(count)
    except (BadFrame, EOFError):
        return
    finally:
        assert sum(asked) <= PREFIX.size + DEFAULT.reply_header + DEFAULT.reply
    try:
        seen = unpack(tree, arrays)
    except ValueError:
        return
    if isinstance(seen, Observed):
        with np.errstate(all="ignore"):
            difference(REFERENCE, seen, tolerances(REFERENCE, REFERENCE), {})
        remarks(seen)
    if len(data) > KIB * 64:
        return  # a tensor that is named often would be packed as often
    again, own = pack(seen)
    # Names that are cut to the same length are the same name.
    if all(len(name) < DEFAULT.text for name in tree.get("observed", ())):
        assert meaning(again, own) == meaning(tree, arrays)
    assert_same(unpack(*frames.read(receiver(frames.encode(again, own)))), seen)


def assert_same(one: Observed | Raised, other: Observed | Raised) -> None:
    assert type(one) is type(other)
    if isinstance(one, Observed) and isinstance(other, Observed):
        assert one.values.keys() == other.values.keys()
        assert all(same(value, other.values[name]) for name, value in one.values.items())
    else:
        assert same(one, other)


@budgets
def test_a_frame_is_what_pack_produces_or_it_is_refused(examples: int) -> None:
    fuzz(examples, sent_frames(), is_an_observation_or_refused)


MOST = DEFAULT.reply_header
ONE = b'{"dtype":"F64","shape":[0],"data_offsets":[0,0]}'


@pytest.mark.parametrize(
    "sent",
    [
        (b'{"observed":{"x":[' + b"[]," * (MOST // 3 - 20) + b"[]]}}", b""),
        (b'{"observed":{"x":[' + b'{"other":""},' * (MOST // 13 - 20) + b"0]}}", b""),
        (b'{"observed":{' + b",".join(b'"%x":0' % n for n in range(MOST // 11)) + b"}}", b""),
        (b'{"observed":{"x":[' + b"1" * 4000 + b"]}}", b""),
        (b'{"observed":{"x":"' + b"\\u0041" * (MOST // 6 - 20) + b'"}}', b""),
        (
            b'{"observed":{"x":['
            + b'{"tensor":"0","dtype":"float64","device":"cpu"},' * (MOST // 49 - 20)
            + b"0]}}",
            tensors({"0": {"dtype": "F64", "shape": [2**17], "data_offsets": [0, 2**20]}})
            + bytes(2**20),
        ),
        (b"{}", tensors(b"{" + b",".join(b'"%x":%s' % (n, ONE) for n in range(MOST // 58)) + b"}")),
    ],
    ids=["lists", "objects", "names", "digits", "text", "one tensor many times", "many tensors"],
)
def test_the_largest_frame_takes_bounded_memory(sent: tuple[bytes, bytes]) -> None:
    header, inner = sent
    assert len(header) <= DEFAULT.reply_header
    assert len(inner) <= DEFAULT.reply
    data = PREFIX.pack(len(header), len(inner)) + header + inner
    tracemalloc.start()
    try:
        is_an_observation_or_refused(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MIB


# Archives

NAMES = st.sampled_from(
    [
        *(
            b"lstm.py",
            b"LSTM.PY",
            b"hw/attention.ipynb",
            b"helper.py",
            b"lstm.py/x.py",
            b"a/b/c.txt",
        ),
        *(
            b"../x.py",
            b"/x.py",
            b"\\x.py",
            b"C:x.py",
            b"",
            b".",
            b"./lstm.py",
            b"//",
            b"a//lstm.py",
        ),
        *(b"x\0.py", b"\xff.py", "과제.py".encode(), "과제.py".encode("cp949"), b"\xe2\x80\xae.py"),
        *(
            b".py",
            b"..py",
            b"...",
            b" ",
            b"a\n.py",
            b"__MACOSX/lstm.py",
            b"x" * 3000 + b".py",
            b"d/",
        ),
    ]
)
CONTENTS = st.sampled_from([b"", b"x = 1\n", CLASSES.encode(), b"{}", bytes(9 * KIB), b"PK\5\6"])
WORD = st.sampled_from([0, 1, 2**15, 2**16 - 1]) | st.integers(0, 2**16 - 1)
LONG = st.sampled_from([0, 1, 30, 2**31, 2**32 - 1]) | st.integers(0, 400)
HUGE = st.sampled_from([0, 1, 2**32, 2**63, 2**64 - 1]) | st.integers(0, 400)
ODD = st.integers(0, 5)  # 0: something is not as it should be


def odd(draw: st.DrawFn, honest: int, strategy: st.SearchStrategy[int]) -> int:
    return draw(strategy) if draw(ODD) == 0 else honest


@st.composite
def zips(draw: st.DrawFn) -> bytes:
    """A zip made by hand: any name, size, flag, method, offset or extra field may be a lie."""
    data, directory, count = bytearray(draw(st.sampled_from([b"", b"MZ"]))), bytearray(), 0
    for _ in range(draw(st.integers(0, 4))):
        name, content = draw(NAMES), draw(CONTENTS)
        method = draw(st.sampled_from([0, 8, 8]))
        squeeze = zlib.compressobj(wbits=-15)
        stored = content if method == 0 else squeeze.compress(content) + squeeze.flush()
        extra = draw(
            st.just(b"")
            | st.binary(max_size=12)
            | st.builds(lambda s, n: struct.pack("<2HQ", 1, s, n), WORD, HUGE)
            | st.builds(lambda n: struct.pack("<2H", 0x7075, len(n)) + n, NAMES)
        )
        flags = draw(st.sampled_from([0, 0x800, 0x800, 1, 8, 0x20, 0x40, 0x2000]))
        method = odd(draw, method, st.sampled_from([1, 9, 12, 14, 93, 99]))
        sizes = odd(draw, len(stored), LONG), odd(draw, len(content), LONG)
        crc = odd(draw, zlib.crc32(content), LONG)
        at, mode = (
            odd(draw, len(data), LONG),
            draw(st.sampled_from([0, 0o100644, 0o120777, 0o10644])),
        )
        version = odd(draw, 20, WORD)
        common = struct.pack(
            "<5H3L2H", version, flags, method, 0, 33, crc, *sizes, len(name), len(extra)
        )
        data += b"PK\3\4" + common + name + extra + stored
        directory += b"PK\1\2" + struct.pack("<H", 0x314) + common
        directory += struct.pack("<3H2L", 0, 0, 0, mode << 16, at) + name + extra
        count += 1
    where, size = odd(draw, len(data), LONG), odd(draw, len(directory), LONG)
    data += directory
    if draw(ODD) == 0:
        end = len(data)
        data += b"PK\6\6" + struct.pack(
            *("<Q2H2L4Q", 44, 45, 45, 0, 0, odd(draw, count, HUGE), odd(draw, count, HUGE)),
            *(odd(draw, size, HUGE), odd(draw, where, HUGE)),
        )
        data += b"PK\6\7" + struct.pack("<LQL", 0, odd(draw, end, HUGE), 1)
    comment = draw(st.sampled_from([b"", b"PK\5\6", bytes(30)]))
    data += b"PK\5\6" + struct.pack(
        *("<4H2LH", 0, 0, odd(draw, count, WORD), odd(draw, count, WORD)),
        *(size, where, odd(draw, len(comment), WORD)),
    )
    whole = bytes(data + comment)
    return draw(damaged(whole)) if draw(ODD) == 0 else whole


LIMITS = Limits(archive=MIB, python_file=8 * KIB, notebook=8 * KIB, entries=8)


def is_read_or_refused(path: Path) -> None:
    submission = read("any", path, LIMITS)
    assert submission.refused.endswith((".", "")) and not (submission.refused and submission.files)
    for text in (submission.refused, *submission.notes, *(str(f.path) for f in submission.files)):
        text.encode()
    assert len(submission.files) <= LIMITS.entries
    assert sum(len(file.data or b"") for file in submission.files) <= LIMITS.archive
    for file in submission.files:
        assert file.data is None or len(file.data) == file.size
        assert ".." not in file.path.parts and not file.path.is_absolute()
    used = works(submission, ASSIGNMENTS, LIMITS)
    strays(submission, used)
    for work in used:
        for name in work.job.files if work.job else ():
            assert (
                "\0" not in name and not Path(name).is_absolute() and ".." not in Path(name).parts
            )


@budgets
def test_a_zip_is_read_or_refused_in_a_sentence(tmp_path: Path, examples: int) -> None:
    path = tmp_path / "any.zip"

    def holds(data: bytes) -> None:
        path.write_bytes(data)
        is_read_or_refused(path)

    fuzz(examples, zips(), holds)


FOLDERS = st.lists(
    st.tuples(
        NAMES.filter(lambda name: b"\0" not in name and len(name) < 200)
        | st.binary(min_size=1, max_size=6).filter(lambda name: b"\0" not in name),
        st.sampled_from(["file", "file", "large", "link", "pipe", "socket", "locked", "folder"]),
    ),
    max_size=6,
)


def put(folder: Path, name: bytes, kind: str) -> None:
    """Something of a kind, below a folder and nowhere else; nothing where the name does not go."""
    inside = name.replace(b"..", b"..x").lstrip(b"/")
    target = Path(os.fsdecode(os.path.join(os.fsencode(folder), inside)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            return  # a pipe, perhaps, which to open is to wait
        if kind == "folder":
            target.mkdir()
        elif kind == "link":
            target.symlink_to(folder)
        elif kind == "pipe":
            os.mkfifo(target)
        elif kind == "socket":
            os.mknod(target, stat.S_IFSOCK | 0o600)
        else:
            target.write_bytes(bytes(9 * KIB) if kind == "large" else CLASSES.encode())
            target.chmod(0 if kind == "locked" else 0o644)
    except OSError:
        pass


@budgets
def test_a_folder_is_read_or_refused_in_a_sentence(tmp_path: Path, examples: int) -> None:
    counter = iter(range(MANY * 2))

    def holds(items: list[tuple[bytes, str]]) -> None:
        folder = tmp_path / f"{next(counter)}"
        folder.mkdir()
        for name, kind in items:
            put(folder, name, kind)
        is_read_or_refused(folder)
        for child in folder.iterdir():
            is_read_or_refused(child)

    fuzz(examples, FOLDERS, holds)


# Notebooks and Python files

STUB = (REPOSITORY / "assignments" / "attention.py").read_bytes()
BOOK = json.loads(
    notebook("%matplotlib inline\nimport torch", "N = 5\nif N:\n    M = torch.tensor(N)", CLASSES)
)
OLD_BOOK = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "input": "class A: pass",
                    "outputs": [{"output_type": "stream", "stream": "stdout", "text": "x"}],
                    "language": "python",
                    "collapsed": False,
                    "prompt_number": 1,
                    "metadata": {},
                }
            ],
        }
    ],
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp949", "utf-7")
PIECES = st.sampled_from(
    [
        *(
            "\0",
            "\ufeff",
            "\u2028",
            "\x0c",
            "\r",
            "é",
            "과",
            "𝐱",
            "\x1a",
            "\t",
            "\\\n",
            "'''",
            "%%bash\n",
        ),
        *(
            "# -*- coding: ",
            "utf-7",
            "idna",
            "unicode_escape",
            "undefined",
            "\n",
            "from __future__ ",
        ),
        *(
            "import annotations\n",
            "await x\n",
            "yield\n",
            "lambda: (yield)",
            "*",
            "match x:\n case _:\n",
        ),
        *("(" * 250, "-" * 2000, "a." * 900 + "a", "elif 0: pass\n" * 400, "[" * 99, "f'{" * 40),
        *(
            "9" * 5000,
            "1_",
            "0x",
            "x" * 5000,
            "!",
            "?",
            "%",
            "class A:\n",
            " def f(self): return 1\n",
        ),
    ]
)


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """A stub with odd pieces in it, in an odd encoding, with a few bytes damaged."""
    text = STUB.decode()
    if draw(st.booleans()):
        text = "class A: pass\n"
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(PIECES) + text[at:]
    data = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    return draw(damaged(data)) if draw(st.booleans()) else data


@st.composite
def notebooks(draw: st.DrawFn) -> bytes:
    """A notebook, broken in its JSON, its cells, its encoding or its bytes."""
    book = copy.deepcopy(draw(st.sampled_from([BOOK, OLD_BOOK])))
    for cell in book.get("cells", ()):
        if draw(st.booleans()):
            cell["source"] = "".join([cell["source"], *draw(st.lists(PIECES, max_size=3))])
    if draw(st.booleans()):
        book = draw(broken(book))
    text = json.dumps(book, ensure_ascii=draw(st.booleans()))
    data = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    return draw(damaged(data)) if draw(ODD) == 0 else data


def is_code_or_refused(parse: Callable[[bytes, str], Source], data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape is the student's business
        try:
            source = parse(data, "hw")
        except (UnreadableSource, SyntaxError):
            return
    assert source.parts
    for text in (*source.texts, *source.texts.values()):
        text.encode("utf-8", "replace")


@budgets
def test_a_python_file_is_code_or_refused(examples: int) -> None:
    fuzz(examples, sources(), lambda data: is_code_or_refused(read_python, data))


@budgets
def test_a_notebook_is_code_or_refused(examples: int) -> None:
    fuzz(examples, notebooks(), lambda data: is_code_or_refused(read_notebook, data))
