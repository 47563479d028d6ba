"""What was handed in: found under every name it may have, and refused in one sentence."""

import json
import os
import stat
import struct
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course import Assignment, CheckInfo
from autograder.errors import UsageError
from autograder.limits import KIB, MIB, Limits
from autograder.reports.text import one_line
from autograder.search import File
from autograder.submission import Submission, Work, find, read, read_own, strays, works

ATTENTION = Assignment(
    name="attention",
    classes={"ScaledDotProductAttention": ("SDPA",), "MultiHeadedAttention": ()},
    files=("transformer", "mha"),
    axes={},
    checks=(),
)
LSTM = Assignment("lstm", {"LSTMClassifier": ("RNN",)}, ("rnn",), {}, ())
ASSIGNMENTS = {"lstm": LSTM, "attention": ATTENTION}
CLASSES = "class ScaledDotProductAttention: pass\nclass MultiHeadedAttention: pass\n"


def nfd(text: str) -> str:
    """As macOS writes names: Hangul taken apart."""
    return unicodedata.normalize("NFD", text)


def folder(path: Path, files: Mapping[str, str | bytes]) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def packed(path: Path, files: Mapping[str, str | bytes] | list[zipfile.ZipInfo]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if isinstance(files, list):
            for member in files:
                archive.writestr(member, b"x = 1\n")
        else:
            for name, content in files.items():
                archive.writestr(name, content)
    return path


def held(submission: Submission) -> dict[str, bytes | None]:
    assert submission.refused == ""
    return {str(file.path): file.data for file in submission.files}


def graded(tmp_path: Path, files: Mapping[str, str | bytes]) -> dict[str, Work]:
    submission = read("alice", folder(tmp_path / "alice", files))
    assert submission.refused == ""
    return {work.assignment: work for work in works(submission, ASSIGNMENTS)}


# Finding submissions


def test_every_file_folder_and_zip_is_a_submission_named_after_it(tmp_path: Path) -> None:
    folder(
        tmp_path, {"bob/lstm.py": "", "cha.PY": "", "dan.ipynb": "", "eve.zip": "", "fay.txt": ""}
    )
    assert [name for name, _ in find(tmp_path)] == ["bob", "cha", "dan", "eve", "fay.txt"]


def test_a_single_file_is_a_submission(tmp_path: Path) -> None:
    folder(tmp_path, {"lstm.py": ""})
    assert find(tmp_path / "lstm.py") == [("lstm", tmp_path / "lstm.py")]


def test_what_systems_leave_behind_is_no_submission(tmp_path: Path) -> None:
    junk = ["__MACOSX/x", ".DS_Store", "Thumbs.db", "._alice.py", "__pycache__/x.pyc", ".git/x"]
    folder(tmp_path, dict.fromkeys([*junk, "alice.py"], ""))
    assert [name for name, _ in find(tmp_path)] == ["alice"]


def test_names_are_composed(tmp_path: Path) -> None:
    folder(tmp_path, {nfd("박지훈.py"): "", nfd("김민준") + "/lstm.py": ""})
    assert {name for name, _ in find(tmp_path)} == {"박지훈", "김민준"}


def test_a_name_that_is_no_text_can_be_written_all_the_same(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe.py")).touch()
    ((name, path),) = find(tmp_path)
    assert name.encode() == b"??"
    assert path.exists()


def test_endings_tell_apart_what_would_have_one_name(tmp_path: Path) -> None:
    folder(tmp_path, {"alice.py": "", "alice.zip": "", "alice/x.py": "", "bob.py": ""})
    assert {name for name, _ in find(tmp_path)} == {"alice", "alice.py", "alice.zip", "bob"}


@pytest.mark.parametrize(
    "files",
    [
        ["b.py", "b.zip", "b.py.py"],
        ["박지훈.py", nfd("박지훈.py")],
        ["박지훈/lstm.py", nfd("박지훈") + "/lstm.py"],
        ["kim.py", "kim .py", "kim\n.py", "k\u200bim.py"],
    ],
    ids=["twice .py", "composed and not", "folders", "as they are displayed"],
)
def test_no_two_submissions_have_one_name(tmp_path: Path, files: list[str]) -> None:
    folder(tmp_path, dict.fromkeys(files, ""))
    names = [name for name, _ in find(tmp_path)]
    assert len(names) == len(files)
    displayed = {" ".join(one_line(name).split()) for name in names}
    assert len(displayed) == len(names)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"does not exist; give the folder that holds the submissions\.$"
    ):
        find(tmp_path / "nowhere")


# Reading files and folders


def test_code_is_read_and_other_files_are_only_listed(tmp_path: Path) -> None:
    path = folder(
        tmp_path / "a", {"lstm.py": "1", "n.ipynb": "2", "x/y/z.PY": "3", "x/report.pdf": "4"}
    )
    assert held(read("a", path)) == {
        "lstm.py": b"1",
        "n.ipynb": b"2",
        "x/report.pdf": None,
        "x/y/z.PY": b"3",
    }


def test_junk_in_a_folder_is_left_out(tmp_path: Path) -> None:
    names = [
        "lstm.py",
        "._lstm.py",
        "__MACOSX/lstm.py",
        ".ipynb_checkpoints/lstm.ipynb",
        "x/.git/a.py",
    ]
    assert list(held(read("a", folder(tmp_path / "a", dict.fromkeys(names, ""))))) == ["lstm.py"]


def test_a_name_in_a_folder_is_composed(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", {nfd("과제/도움.py"): ""})
    assert list(held(read("a", path))) == ["과제/도움.py"]


def test_a_link_in_a_folder_is_ignored_and_reported(tmp_path: Path) -> None:
    secret = folder(tmp_path / "secret", {"lstm.py": "the solution"})
    path = folder(tmp_path / "a", {"helper.py": ""})
    (path / "lstm.py").symlink_to(secret / "lstm.py")
    (path / "all").symlink_to(secret, target_is_directory=True)
    submission = read("a", path)
    assert list(held(submission)) == ["helper.py"]
    assert submission.notes == ("Links are ignored: all, lstm.py.",)


def test_a_submission_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "secret", {"lstm.py": "the solution"})
    (tmp_path / "alice").symlink_to(tmp_path / "secret", target_is_directory=True)
    assert read("alice", tmp_path / "alice") == Submission(
        "alice", refused="alice is a link; hand in the file itself."
    )


@pytest.mark.parametrize("name", ["a/lstm.py", "lstm.py", "lstm.zip"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    ((found, handed_in),) = find(tmp_path)
    assert found == ("a" if "/" in name else "lstm")
    submission = read("a", handed_in)
    assert submission.refused == f"{path.name} is not an ordinary file; hand in the file itself."


def test_what_is_gone_meanwhile_is_refused(tmp_path: Path) -> None:
    assert read("a", tmp_path / "a.py").refused == (
        "a.py cannot be read (No such file or directory)."
    )


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "a", {f"{i}.py": "" for i in range(4)})
    assert read("a", path, Limits(entries=4)).refused == ""
    assert read("a", path, Limits(entries=3)).refused == (
        "It holds more than 3 files; hand in your code only."
    )


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder in a folder in a folder …, deeper than Python may call itself."""
    top = tmp_path / "deep"
    top.mkdir()
    for _ in range(1200):
        (top / "outer").mkdir()
        if (top / "a").exists():
            (top / "a").rename(top / "outer" / "a")
        (top / "outer").rename(top / "a")
    yield top
    while (top / "a").exists():
        (top / "a").rename(top / "outer")
        if (top / "outer" / "a").exists():
            (top / "outer" / "a").rename(top / "a")
        (top / "outer").rmdir()


def test_folders_as_deep_as_can_be_are_read_or_refused(deep: Path) -> None:
    submission = read("deep", deep)
    assert submission.refused or not submission.files


def test_a_students_own_folder_is_read_without_what_lies_below(tmp_path: Path) -> None:
    path = folder(tmp_path / "hw", {"lstm.py": "1", "x/lstm.py": "2", "notes.txt": "3"})
    assert held(read_own(path)) == {"lstm.py": b"1"}


# Zips


def test_a_zip_holds_what_a_folder_would(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.ZIP",
        {
            "hw/": b"",
            "hw/lstm.py": b"1",
            "hw/report.docx": b"2",
            "__MACOSX/hw/._lstm.py": b"3",
            "hw\\windows\\rnn.py": b"4",
        },
    )
    assert held(read("a", path)) == {
        "hw/lstm.py": b"1",
        "hw/report.docx": None,
        "hw/windows/rnn.py": b"4",
    }


def test_an_empty_zip_holds_nothing(tmp_path: Path) -> None:
    assert held(read("a", packed(tmp_path / "a.zip", {}))) == {}


def test_names_in_a_zip_are_read_as_utf8_or_cp949(tmp_path: Path) -> None:
    in_utf8 = packed(tmp_path / "u.zip", {nfd("과제/lstm.py"): b"1"})
    assert list(held(read("a", in_utf8))) == ["과제/lstm.py"]
    # Windows packs in CP949 without the flag for UTF-8. "xx" takes the place of 과 in both names.
    data = packed(tmp_path / "c.zip", {"xx/lstm.py": b"1"}).read_bytes()
    (tmp_path / "c.zip").write_bytes(data.replace(b"xx/", "과".encode("cp949") + b"/"))
    assert list(held(read("a", tmp_path / "c.zip"))) == ["과/lstm.py"]


def member(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


OUTSIDE = "leads out of the zip; pack your files anew."


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("../lstm.py", 0, f"'../lstm.py' {OUTSIDE}"),
        ("a/../../lstm.py", 0, f"'a/../../lstm.py' {OUTSIDE}"),
        ("..\\lstm.py", 0, f"'../lstm.py' {OUTSIDE}"),
        ("/etc/lstm.py", 0, f"'/etc/lstm.py' {OUTSIDE}"),
        ("\\lstm.py", 0, f"'/lstm.py' {OUTSIDE}"),
        ("C:\\lstm.py", 0, f"'C:/lstm.py' {OUTSIDE}"),
        ("c:lstm.py", 0, f"'c:lstm.py' {OUTSIDE}"),
        ("../", 0, f"'..' {OUTSIDE}"),
        ("__MACOSX/../../x", 0, f"'__MACOSX/../../x' {OUTSIDE}"),
        ("lstm.py", stat.S_IFLNK | 0o777, "'lstm.py' is a link; hand in the file itself."),
        ("x.txt", stat.S_IFLNK, "'x.txt' is a link; hand in the file itself."),
    ],
)
def test_one_bad_member_refuses_the_whole_zip(
    tmp_path: Path, name: str, mode: int, reason: str
) -> None:
    path = packed(tmp_path / "a.zip", [member("attention.py"), member(name, mode)])
    assert read("a", path) == Submission("a", refused=f"The zip's member {reason}")


def patched(path: Path, *, flags: int | None = None, size: int | None = None) -> Path:
    """Change what a zip with one member says of it, in both of its headers."""
    data = bytearray(path.read_bytes())
    central, local = data.rindex(b"PK\1\2"), data.index(b"PK\3\4")
    if flags is not None:
        struct.pack_into("<H", data, central + 8, flags)
        struct.pack_into("<H", data, local + 6, flags)
    if size is not None:
        struct.pack_into("<I", data, central + 24, size)
        struct.pack_into("<I", data, local + 22, size)
    path.write_bytes(data)
    return path


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = patched(packed(tmp_path / "a.zip", {"lstm.py": b"x"}), flags=1)
    assert read("a", path).refused == (
        "The zip's member 'lstm.py' is encrypted; pack your files without a password."
    )


def test_a_zip_of_too_many_entries_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {f"{i}.txt": b"" for i in range(4)})
    assert read("a", path, Limits(entries=4)).refused == ""
    assert read("a", path, Limits(entries=3)).refused == (
        "The zip holds more than 3 entries; hand in your code only."
    )


def test_a_zip_of_very_many_entries_is_refused_before_they_are_parsed(tmp_path: Path) -> None:
    count = 100_000
    entry = b"PK\1\2" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    end = b"PK\5\6" + bytes(8) + struct.pack("<2L", count * len(entry), 0) + bytes(2)
    (tmp_path / "a.zip").write_bytes(entry * count + end)
    tracemalloc.start()
    try:
        submission = read("a", tmp_path / "a.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert submission.refused == "The zip holds more than 1,000 entries; hand in your code only."
    assert peak < 4 * MIB


def test_a_zip_that_inflates_too_much_is_refused_with_the_members_name(tmp_path: Path) -> None:
    # What is not read counts as well: whoever hands in a data set should hear of it.
    path = packed(tmp_path / "a.zip", {"a.bin": bytes(MIB), "b.bin": bytes(MIB)})
    assert read("a", path, Limits(archive=2 * MIB)).refused == ""
    assert read("a", path, Limits(archive=MIB)).refused == (
        "The zip's member 'b.bin' takes the zip over 1 MiB inflated; hand in code only."
    )


@pytest.mark.parametrize("size", [100, 20_000])
def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path, size: int) -> None:
    path = patched(packed(tmp_path / "a.zip", {"lstm.py": b"x = 1\n" * 2000}), size=size)
    assert read("a", path).refused.startswith(("The zip's member 'lstm.py' lies", "a.zip is "))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_does_not_inflate_beyond_the_size_that_it_admits(
    tmp_path: Path, method: int
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("lstm.py", bytes(32 * MIB))
    path = patched(tmp_path / "a.zip", size=100)
    tracemalloc.start()
    try:
        submission = read("a", path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert submission.refused
    assert peak < 4 * MIB


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"lstm.py": os.urandom(100)})
    data = bytearray(path.read_bytes())
    data[40:80] = b"\xff" * 40
    path.write_bytes(data)
    assert read("a", path).refused in (
        "a.zip is damaged (error); pack it again.",
        "a.zip is not a zip that can be read; pack it again.",
    )


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"Rar!\x1a\7", b"7z\xbc\xaf'\x1c"])
def test_what_is_no_zip_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert read("a", tmp_path / "a.zip").refused == (
        "a.zip is not a zip that can be read; pack it again."
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_bytes_of_any_kind_are_a_zip_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.zip"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(st.binary(max_size=100)))
    else:
        # A zip is found from its end: most damage is done there.
        whole = packed(path, {"lstm.py": b"x = 1\n" * 9, "a/b.ipynb": b"{}", "c.txt": b""})
        damaged = bytearray(whole.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(-len(damaged), -1))] = data.draw(st.integers(0, 255))
        path.write_bytes(damaged[: data.draw(st.sampled_from([None, -1, 50]))])
    submission = read("any", path, Limits(archive=MIB))
    assert submission.refused.endswith(".") or submission.refused == ""
    assert all(file.data is None or len(file.data) == file.size for file in submission.files)
    works(submission, ASSIGNMENTS)


# Which file is graded


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("attention.py", None),
        ("attention.ipynb", None),
        ("week3/hw/attention.py", None),
        ("Attention.PY", "Attention.PY is graded as attention."),
        ("attention-2.py", "attention-2.py is graded as attention."),
        ("attention (3).ipynb", "attention (3).ipynb is graded as attention."),
        ("attention(3).py", "attention(3).py is graded as attention."),
        ("transformer.py", "transformer.py is graded as attention."),
        ("hw/MHA-1.ipynb", "hw/MHA-1.ipynb is graded as attention."),
        (nfd("과제.py"), "과제.py is graded as attention, by its classes."),
        ("attention_final.py", "attention_final.py is graded as attention, by its classes."),
    ],
)
def test_a_file_is_found_by_its_name_or_by_its_classes(
    tmp_path: Path, name: str, note: str | None
) -> None:
    found = graded(tmp_path, {name: CLASSES, "notes.py": "x = 1"})
    assert list(found) == ["attention"]
    work = found["attention"]
    assert work.source == unicodedata.normalize("NFC", name)
    assert work.notes == (() if note is None else (note,))
    assert work.job is not None and work.job.main == PurePosixPath(work.source).name


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("attention.py", "attention.ipynb"),
        ("attention.py", "hw/attention.py"),
        ("attention.ipynb", "hw/attention.py"),
        ("attention-1.py", "attention.py"),
        ("attention-10.py", "attention-9.py"),
        ("attention (2).py", "attention (1).py"),
        ("attention-1.ipynb", "attention.py"),
        ("hw/attention.py", "transformer.py"),
        ("transformer.py", "mha.py"),
        ("mha.py", "other.py"),
        ("other.py", "other.ipynb"),
    ],
)
def test_of_two_files_the_better_one_is_graded(tmp_path: Path, better: str, worse: str) -> None:
    found = graded(tmp_path, {better: CLASSES, worse: CLASSES + "# worse"})
    assert found["attention"].source == better


BOTH = CheckInfo("a", "sdpa", 1, ""), CheckInfo("b", "mha", 1, "")


@pytest.mark.parametrize(
    ("form", "left", "done"),
    [
        ('raise NotImplementedError("TODO {}: Attend.")', ("sdpa", "mha"), ("sdpa",)),
        ("nn.Identity(),  # TODO {}", ("sdpa", "mha"), ("mha",)),
    ],
)
@pytest.mark.parametrize(
    "other", ["notebooks/attention.ipynb", "attention.ipynb", "hw/attention.py"]
)
def test_what_is_untouched_is_not_graded_where_something_was_worked_on(
    tmp_path: Path, form: str, left: tuple[str, ...], done: tuple[str, ...], other: str
) -> None:
    def text(ids: tuple[str, ...], name: str) -> str:
        source = CLASSES + "\n".join(f"    {form.format(id)}" for id in ids) + "\n"
        return json.dumps([source.splitlines(True)]) if name.endswith(".ipynb") else source

    assignment = replace(ATTENTION, checks=BOTH)

    def graded(first: tuple[str, ...], second: tuple[str, ...]) -> Work:
        files = {"attention.py": text(first, ""), other: text(second, other)}
        submission = read("alice", folder(tmp_path / "alice", files))
        [work] = works(submission, {"attention": assignment})
        return work

    assert (graded(left, done).source, graded(left, done).notes) == (other, ())
    assert (graded(done, left).source, graded(done, left).notes) == ("attention.py", ())
    assert graded(left, left).source == "attention.py"
    [note] = graded(done, done).notes
    assert note == (
        f"attention.py is graded; {other} has the classes of attention as well, and was not."
    )


class Counted(bytes):
    """The text of a file that counts how often it is looked at."""

    times = 0

    def decode(self, *arguments: str) -> str:  # type: ignore[override]
        self.times += 1
        return bytes.decode(self, *arguments)


def many(text: str) -> Submission:
    """Twenty versions of one file, no two of one text."""
    texts = (Counted(f"{text}{i}".encode()) for i in range(1, 21))
    files = (
        File(PurePosixPath(f"attention-{i}.py"), len(data), data) for i, data in enumerate(texts, 1)
    )
    return Submission("alice", tuple(files))


def looked_at(submission: Submission) -> list[int]:
    return [file.data.times for file in submission.files if isinstance(file.data, Counted)]


STUB = CLASSES + 'raise NotImplementedError("TODO sdpa: Attend.")\nnn.Identity(),  # TODO mha\n#'


@pytest.mark.parametrize("text", [CLASSES, STUB, "#"], ids=["worked on", "untouched", "neither"])
def test_a_file_is_searched_once_for_all_assignments(text: str) -> None:
    submission = many(text)
    [work] = works(submission, {"lstm": LSTM, "attention": replace(ATTENTION, checks=BOTH)})
    assert work.source == "attention-20.py"
    assert looked_at(submission) == [1] * 20


def test_no_more_is_searched_than_the_limit_and_the_rest_is_named() -> None:
    submission = many(STUB)
    limits = Limits(searched=12 * (len(STUB) + 402))
    [work] = works(submission, {"attention": replace(ATTENTION, checks=BOTH)}, limits)
    assert looked_at(submission) == [0] * 8 + [1] * 12
    assert work.source == "attention-20.py"
    assert work.notes[1:] == (
        "It is too much to search it all for classes; files that were not searched: 8 "
        "(attention-8.py, attention-7.py, attention-6.py, attention-5.py, attention-4.py, …). "
        "Hand in only what your work needs.",
    )


@pytest.mark.parametrize("word", ["class ", "a  # TODO sdpa"])
def test_what_takes_long_to_search_counts_more(word: str) -> None:
    """A text may be nothing but the beginnings of what is searched for."""
    submission = many(word * 1000)
    limits = Limits(searched=300 * KIB)
    [work] = works(submission, {"attention": replace(ATTENTION, checks=BOTH)}, limits)
    assert sum(looked_at(submission)) * 1000 * len(word) < limits.searched
    assert "not searched: 18 (attention-2.py, attention-3.py, " in work.notes[-1]
    assert work.source == "attention-20.py"


@pytest.mark.parametrize("name", ["attention2.py", "my_attention.py", "attention.txt", "attention"])
def test_another_name_without_the_classes_is_not_graded(tmp_path: Path, name: str) -> None:
    assert graded(tmp_path, {name: "class Attention: pass"}) == {}


def test_one_of_the_classes_is_not_enough(tmp_path: Path) -> None:
    assert graded(tmp_path, {"hw.py": CLASSES.partition("\n")[0]}) == {}


def test_of_several_files_with_the_classes_the_first_is_graded_and_all_are_named(
    tmp_path: Path,
) -> None:
    found = graded(tmp_path, {"b.py": CLASSES, "a.py": CLASSES})
    assert found["attention"].source == "a.py"
    assert found["attention"].notes == (
        "a.py, b.py all define the classes of attention; the first was graded.",
    )


@pytest.mark.parametrize(
    "text",
    [
        "class SDPA(nn.Module):\n  pass\nclass  MultiHeadedAttention :\n  pass",
        json.dumps({"cells": [{"source": CLASSES.splitlines(keepends=True)}]}),
        "# 과제\n" + CLASSES,
    ],
    ids=["an alias", "a notebook's JSON", "Korean"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp949"])
def test_classes_are_found_in_the_text_whatever_its_encoding(
    tmp_path: Path, text: str, encoding: str
) -> None:
    name = "hw.ipynb" if text.startswith("{") else "hw.py"
    assert list(graded(tmp_path, {name: text.encode(encoding)})) == ["attention"]


def test_one_file_may_hold_several_assignments(tmp_path: Path) -> None:
    found = graded(tmp_path, {"all.py": CLASSES + "class LSTMClassifier: pass"})
    assert {name: work.source for name, work in found.items()} == {
        "lstm": "all.py",
        "attention": "all.py",
    }


def test_an_assignment_that_is_not_there_is_absent(tmp_path: Path) -> None:
    assert list(graded(tmp_path, {"lstm.py": ""})) == ["lstm"]
    assert graded(tmp_path, {}).keys() == {"lstm"}
    assert works(Submission("nobody"), ASSIGNMENTS) == []


def test_the_python_files_beside_and_below_come_along(tmp_path: Path) -> None:
    found = graded(
        tmp_path,
        {
            "hw/attention.py": CLASSES,
            "hw/helper.py": "1",
            "hw/package/__init__.py": "",
            "hw/package/inner.py": "2",
            "hw/data.csv": "3",
            "hw/other.ipynb": "4",
            "above.py": "5",
        },
    )
    job = found["attention"].job
    assert job is not None
    assert dict(job.files) == {
        "attention.py": CLASSES.encode(),
        "helper.py": b"1",
        "package/__init__.py": b"",
        "package/inner.py": b"2",
    }


def test_a_notebook_brings_its_helpers_too(tmp_path: Path) -> None:
    job = graded(tmp_path, {"attention.ipynb": "{}", "helper.py": "1"})["attention"].job
    assert job is not None
    assert dict(job.files) == {"attention.ipynb": b"{}", "helper.py": b"1"}


@pytest.mark.parametrize(("name", "limit"), [("attention.py", "0.25"), ("attention.ipynb", "0.5")])
def test_a_file_over_its_limit_is_refused_with_both_sizes(
    tmp_path: Path, name: str, limit: str
) -> None:
    limits = Limits(python_file=MIB // 4, notebook=MIB // 2)
    path = folder(tmp_path / "a", {name: bytes(MIB), "lstm.py": bytes(MIB // 4)})
    in_lstm, in_attention = works(read("a", path, limits), ASSIGNMENTS, limits)
    assert in_lstm.job is not None
    assert in_attention.job is None
    assert in_attention.refused == (
        f"{name} is 1.0 MiB, and at most {limit} MiB are taken; "
        "hand in code only, and clear a notebook's outputs."
    )


def test_a_helper_over_its_limit_stays_behind(tmp_path: Path) -> None:
    limits = Limits(python_file=4 * KIB)
    path = folder(tmp_path / "a", {"attention.py": CLASSES, "data.py": bytes(5 * KIB)})
    (work,) = works(read("a", path, limits), ASSIGNMENTS, limits)
    assert work.job is not None
    assert list(work.job.files) == ["attention.py"]


def test_a_zip_is_graded_like_a_folder(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"hw/attention.py": CLASSES, "hw/helper.py": "1"})
    (work,) = works(read("a", path), ASSIGNMENTS)
    assert work.job is not None
    assert dict(work.job.files) == {"attention.py": CLASSES.encode(), "helper.py": b"1"}


def test_what_nobody_asked_for_is_listed_and_helpers_are_not(tmp_path: Path) -> None:
    names = ["lstm.py", "helper.py", "report.pdf", "old.ipynb"]
    submission = read("a", folder(tmp_path / "a", dict.fromkeys(names, "")))
    used = works(submission, ASSIGNMENTS)
    assert strays(submission, used) == ["old.ipynb", "report.pdf"]
    alone = read("b", folder(tmp_path / "b", {"helper.py": "", "x/y.txt": ""}))
    assert strays(alone, works(alone, ASSIGNMENTS)) == ["helper.py", "x/y.txt"]


def test_a_name_that_is_too_long_for_a_folder_is_cut(tmp_path: Path) -> None:
    # NFC makes of each of these characters two, so that the longest name becomes longer than any.
    names = ["\U0001d15f" * 62, "\U0001d15f" * 61 + "a", "ok"]
    folder(tmp_path, {f"{name}.py": "" for name in names})
    found = [name for name, _place in find(tmp_path)]
    assert len(set(found)) == 3
    assert all(len(name.encode()) < 220 for name in found)


def test_a_zip_whose_member_is_there_twice_holds_the_last(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as one:
        one.writestr("lstm.py", "first")
        with pytest.warns(UserWarning, match="Duplicate"):
            one.writestr("lstm.py", "second")
    assert held(read("a", tmp_path / "a.zip")) == {"lstm.py": b"second"}
