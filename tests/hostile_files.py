"""Malformed submissions, made when they are needed: a bomb is not committed.

Each function makes one, under the name of the function; its docstring is its story.
"""

import io
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.conftest import REPOSITORY

LSTM = (REPOSITORY / "solutions" / "lstm.py").read_text("utf-8")


def _file(folder: Path, data: str | bytes, name: str = "lstm.py") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


def _zip(folder: Path, *members: tuple[str | zipfile.ZipInfo, str | bytes]) -> Path:
    path = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def _notebook(*cells: object, **fields: object) -> str:
    empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}} | fields
    return json.dumps(book | {"cells": [{**empty, "source": cell} for cell in cells]})


def malformed_bytes_that_are_no_text(folder: Path) -> None:
    """Bytes that are text in no encoding: whoever decodes them without a plan stops with a traceback."""
    _file(folder, b"# caf\xe9 \xff\x80\n" + LSTM.encode())


def malformed_nul_bytes(folder: Path) -> None:
    """NUL bytes in the middle of good code, at which Python's own parser stops in odd ways."""
    _file(folder, LSTM.replace("\n\n", "\n\0\n").encode())


def malformed_bom_and_cp949(folder: Path) -> None:
    """A mark that says UTF-8 before bytes in CP949: each half is right, and both together are not."""
    _file(folder, b"\xef\xbb\xbf" + ("# 순환 신경망\n" + LSTM).encode("cp949"))


def malformed_encodings(folder: Path) -> None:
    """A cookie that asks for a codec that runs code backwards, inflates it, or is none."""
    _file(folder, "# -*- coding: unicode_escape -*-\n" + LSTM.replace("\n", "\n# coding: zlib\n"))


def malformed_deep_parentheses(folder: Path) -> None:
    """Parentheses 200 deep, and 90,000 attributes in a row: the parser's stack may overflow."""
    _file(folder, "x = " + "(" * 200 + "1" + ")" * 200 + "\ny = a" + ".a" * 90_000 + "\n")


def malformed_one_long_line(folder: Path) -> None:
    """10 MB in one line, which editors and regular expressions choke on."""
    _file(folder, "x = '" + "a" * (10 << 20) + "'\n" + LSTM)


def malformed_line_of_a_megabyte(folder: Path) -> None:
    """Just below the limit, and full of what looks like the start of a class, a magic or a TODO."""
    _file(folder, "# class " * 120_000 + "\n" + LSTM)


def malformed_broken_notebook(folder: Path) -> None:
    """A notebook that ends in the middle of a cell."""
    _file(folder, _notebook(LSTM)[:-40], "lstm.ipynb")


def malformed_notebook_of_many_cells(folder: Path) -> None:
    """A notebook of 100,000 cells, each with a definition: reading it takes longer than a check may."""
    _file(folder, _notebook(LSTM, *("n = 1" for _ in range(100_000))), "lstm.ipynb")


def malformed_notebook_of_odd_cells(folder: Path) -> None:
    """Cells whose source is a number, a list, nothing or half a character, in a format of the future."""
    cells = _notebook(5, None, ["import torch\n"], {"a": []}, "x = '\ud800'", LSTM, nbformat=99)
    _file(folder, cells, "lstm.ipynb")


def malformed_notebook_nested_deeply(folder: Path) -> None:
    """Metadata 100,000 deep, at which a parser that calls itself ends."""
    deep = '{"a": ' * 100_000 + "1" + "}" * 100_000
    _file(folder, _notebook(LSTM).replace('"metadata": {}', f'"metadata": {deep}', 1), "lstm.ipynb")


def malformed_zip_that_leads_out(folder: Path) -> None:
    """A member named with `..`: unpacked carelessly it overwrites a file of the grader."""
    _zip(folder, ("../../solutions/lstm.py", LSTM), ("lstm.py", LSTM))


def malformed_zip_with_absolute_names(folder: Path) -> None:
    """Members with absolute names, in Unix's and in Windows' way."""
    _zip(folder, ("lstm.py", LSTM), ("C:\\lstm.py", LSTM), ("/tmp/autograder-hostile-zip.py", LSTM))


def malformed_zip_with_links(folder: Path) -> None:
    """A member that is a link to a secret: the feedback would quote it."""
    link = zipfile.ZipInfo("lstm.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    _zip(folder, (link, "/tmp/autograder-hostile-precious/token.txt"))


def malformed_zip_with_a_password(folder: Path) -> None:
    """An encrypted member, for which a library may ask for a password on the terminal."""
    path = _zip(folder, ("lstm.py", LSTM))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def malformed_zip_with_names_twice(folder: Path) -> None:
    """The same name twice, wrong and right: what is looked at and what is run may be two files."""
    wrong, path = LSTM.replace("last = out[:, -1]", "last = out[:, 0]"), folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lstm.py", wrong)
        # A name of the same length, given its real form below: `writestr` would warn.
        archive.writestr("lstm_py", LSTM)
    path.write_bytes(path.read_bytes().replace(b"lstm_py", b"lstm.py"))


def malformed_zip_in_a_zip(folder: Path) -> None:
    """A zip in a zip in a zip: how far is it unpacked?"""
    data = LSTM.encode()
    for _ in range(20):
        inner = io.BytesIO()
        with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("lstm.zip", data)
        data = inner.getvalue()
    folder.with_suffix(".zip").write_bytes(data)


def malformed_zip_bomb(folder: Path) -> None:
    """200 MB of zeros in 200 KB."""
    _zip(folder, ("lstm.py", LSTM), ("data.bin", bytes(200 << 20)))


def malformed_zip_bomb_of_code(folder: Path) -> None:
    """900 modules of 1 MB, each within its limit, in 1 MB: all of them together are 900 MB."""
    block = b"#" * (1 << 20)
    _zip(folder, ("lstm.py", LSTM), *((f"m{number}.py", block) for number in range(120)))


def malformed_zip_of_many_versions(folder: Path) -> None:
    """60 files of 1 MB in 200 KB, each a version of one answer and full of what looks like a TODO: whoever
    searches each of them for each TODO and each class keeps a whole class waiting for minutes."""
    todo = "a  # TODO todo"
    stub = "\n" + "".join(f"x  # TODO todo{i}\n" for i in range(1, 8))
    stub += "".join(f"class {name}: pass\n" for name in ("Encoder", "Decoder", "Discriminator"))
    text = todo * (((1 << 20) - len(stub) - 10) // len(todo)) + stub
    _zip(folder, *((f"aae-{i}.py", f"# {i} {text}") for i in range(1, 61)))


def malformed_zip_of_many_entries(folder: Path) -> None:
    """20,000 empty members."""
    _zip(folder, ("lstm.py", LSTM), *((f"{number}", b"") for number in range(20_000)))


def malformed_zip_that_overlaps(folder: Path) -> None:
    """Every entry of the directory points to the same bytes, so that few bytes are many files."""
    path = _zip(folder, ("lstm.py", LSTM), *((f"m{number}.py", LSTM) for number in range(50)))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 42 : at + 46] = struct.pack("<I", 0)
        at = data.find(b"PK\x01\x02", at + 1)
    path.write_bytes(data)


def malformed_zip_that_lies_about_sizes(folder: Path) -> None:
    """50 MB that the directory calls ten bytes, to get past whoever only adds up what is written there."""
    path = _zip(folder, ("lstm.py", b"#" * (50 << 20)))
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = data[22:26] = struct.pack("<I", 10)
    path.write_bytes(data)


def malformed_zip_with_odd_names(folder: Path) -> None:
    """Names with line ends, escapes, text that runs backwards, dots, spaces and 60,000 letters."""
    names = [
        "a\nb.py",
        "\x1b[31m.py",
        "\u202eyp.mtsl",
        "...",
        " ",
        "x" * 60_000 + ".py",
        "lstm.py/x.py",
    ]
    _zip(folder, ("lstm.py", LSTM), *((name, b"1") for name in names))


def malformed_zip_compressed_oddly(folder: Path) -> None:
    """A member compressed with LZMA, whose size in memory its header decides."""
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("lstm.py", LSTM)


def malformed_links(folder: Path) -> None:
    """A folder of links: to the solution, to a secret, to itself, and to a device that never ends."""
    folder.mkdir()
    (folder / "lstm.py").symlink_to(REPOSITORY / "solutions" / "lstm.py")
    (folder / "attention.py").symlink_to("/tmp/autograder-hostile-precious/token.txt")
    (folder / "vit.py").symlink_to("/dev/zero")
    (folder / "again").symlink_to(folder)


def malformed_pipe(folder: Path) -> None:
    """A named pipe called lstm.py: whoever opens it waits until somebody writes into it."""
    folder.mkdir()
    os.mkfifo(folder / "lstm.py")


def malformed_pipe_called_zip(folder: Path) -> None:
    """A named pipe called alice.zip: it is the submission itself, and is opened before anything is known."""
    os.mkfifo(folder.with_suffix(".zip"))


def malformed_zip_of_a_huge_directory(folder: Path) -> None:
    """A directory of 300,000 entries and nothing else: it is parsed whole before they can be counted."""
    entry = b"PK\1\2" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    end = b"PK\5\6" + bytes(8) + struct.pack("<2L", 300_000 * len(entry), 0) + bytes(2)
    folder.with_suffix(".zip").write_bytes(entry * 300_000 + end)


def malformed_notebook_of_branches(folder: Path) -> None:
    """600 branches in a cell beside a right answer: the compiler takes them, who walks over them may not."""
    _file(folder, _notebook(LSTM, "if 0: pass\n" + "elif 0: pass\n" * 600), "lstm.ipynb")


def malformed_deep_folders(folder: Path) -> None:
    """Folders in folders until their path is longer than the system allows."""
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(450):
        os.mkdir("d" * 10, dir_fd=here)
        here, above = os.open("d" * 10, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)


RECIPES: dict[str, Callable[[Path], None]] = {
    name.replace("_", "-"): value
    for name, value in globals().items()
    if name.startswith("malformed_")
}
