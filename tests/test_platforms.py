"""Platforms' downloads: each student's files under the student's name, and nothing else mistaken for one."""

import io
import json
import shutil
import stat
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from autograder import platforms, submission
from autograder.errors import UsageError
from autograder.limits import DEFAULT, KIB, MIB, Limits
from autograder.platforms import described, moment
from autograder.results import Result, Student
from autograder.submission import Inside, Submission, find, read, works
from tests.conftest import SUBMISSIONS
from tests.platforms import METADATA, PLATFORMS, Files, canvas, gradescope, packed, unpacked
from tests.test_submission import ASSIGNMENTS

RIGHT, WRONG = b"class LSTMClassifier: right", b"class LSTMClassifier: wrong"


def handed_in(path: Path, limits: Limits = DEFAULT) -> dict[str, Submission]:
    """What is found there, by name."""
    return {name: read(name, place, limits) for name, place in find(path)}


def students(path: Path) -> dict[str, Student | None]:
    return {name: one.student for name, one in handed_in(path).items()}


def held(one: Submission) -> dict[str, bytes | None]:
    assert one.refused == ""
    return {str(file.path): file.data for file in one.files}


def is_ordinary(path: Path) -> bool:
    return not any(isinstance(place, Inside) for _name, place in find(path))


def zipped(files: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


# Whose it is

WHOSE: dict[str, dict[str, Student]] = {
    "canvas": {
        "김민준": Student(name="김민준", ids={"canvas": "101"}, late=False),
        "이서연": Student(name="이서연", ids={"canvas": "102"}, late=True),
        "park dohyun": Student(name="park dohyun", ids={"canvas": "103"}, late=False),
    },
    "gradescope": {
        "김민준": Student(
            name="김민준",
            ids={"gradescope": "501", "sid": "0101", "email": "minjun@snu.ac.kr"},
            submitted="2026-03-02T14:59:30.123456+00:00",
        ),
        "이서연 & O'Neil, -Bo-": Student(
            name='이서연 & O\'Neil, "Bo"',
            ids={"gradescope": "502"},
            submitted="2026-03-02T15:10:00+00:00",
            members=(
                Student(name="이서연", ids={"sid": "0102", "email": "seoyeon@snu.ac.kr"}),
                Student(name='O\'Neil, "Bo"', ids={"email": "bo@snu.ac.kr"}),
            ),
        ),
        "Park Dohyun": Student(
            name="Park Dohyun",
            ids={"gradescope": "503", "sid": "0103", "email": "dohyun@snu.ac.kr"},
            submitted="2026-03-02T15:10:00.500000+00:00",
        ),
    },
    "moodle": {
        "김민준": Student(name="김민준", ids={"moodle": "701"}),
        "이서연": Student(name="이서연", ids={"moodle": "702"}),
        "Park Dohyun": Student(name="Park Dohyun", ids={"moodle": "703"}),
    },
    "nbgrader": {
        "0101": Student(
            name="0101", ids={"nbgrader": "0101"}, submitted="2026-03-02T14:59:30.123456+00:00"
        ),
        "0102": Student(
            name="0102", ids={"nbgrader": "0102"}, submitted="2026-03-02T15:10:00+00:00"
        ),
        "0103": Student(name="0103", ids={"nbgrader": "0103"}),
    },
    "github": {
        "minjun-kim": Student(name="minjun-kim", ids={"github": "minjun-kim"}),
        "seoyeon": Student(name="seoyeon", ids={"github": "seoyeon"}),
        "dohyun-p": Student(name="dohyun-p", ids={"github": "dohyun-p"}),
    },
}
SAID = {
    "canvas": "read as a Canvas download: 3 students.",
    "gradescope": "read as a Gradescope export: 4 students in 3 submissions.",
    "moodle": "read as a Moodle download: 3 students.",
    "nbgrader": "read as nbgrader's submissions: 3 students.",
    "github": "read as GitHub Classroom's clones: 3 students.",
}


def laid_out(folder: Path, platform: str, how: str) -> Path:
    """The download in one of the forms in which a TA has it."""
    files = PLATFORMS[platform](RIGHT, WRONG)
    match how:
        case "folder":
            return unpacked(folder / "class", files)
        case "folder around it":
            return unpacked(
                folder / "class", {f"assignment_1_export/{n}": d for n, d in files.items()}
            )
        case "names of macOS":
            nfd = {unicodedata.normalize("NFD", name): data for name, data in files.items()}
            return unpacked(folder / "class", {**nfd, ".DS_Store": b"", "__MACOSX/x": b""})
        case "zip":
            return packed(folder / "class.zip", files)
        case _:
            names = {f"assignment_1_export/{name}": data for name, data in files.items()}
            return packed(folder / "class.zip", {"__MACOSX/._x": b"", **names})


FORMS = ["folder", "names of macOS", "zip", "folder around it", "zipped folder"]
WITH_A_FOLDER = "nbgrader", "github"  # and so without another one around it


@pytest.mark.parametrize(
    ("platform", "how"),
    [(p, how) for p in PLATFORMS for how in (FORMS[:3] if p in WITH_A_FOLDER else FORMS)],
)
def test_a_download_is_understood_in_every_form(tmp_path: Path, platform: str, how: str) -> None:
    path = laid_out(tmp_path, platform, how)
    assert students(path) == WHOSE[platform]
    assert described(p.upload for _n, p in find(path) if isinstance(p, Inside)) == SAID[platform]
    marks = {
        name: work.job.files[work.job.main] if work.job else None
        for name, one in handed_in(path).items()
        for work in works(one, ASSIGNMENTS)
    }
    wrong = [name for name in marks if name.startswith(("이서연", "0102", "seoyeon"))]
    assert marks == {name: WRONG if name in wrong else RIGHT for name in WHOSE[platform]}


def test_whose_it_is_survives_in_the_results() -> None:
    for student in (s for them in WHOSE.values() for s in them.values()):
        result = Result(submission="x", assignment=None, seed=1, student=student)
        assert Result.from_line(result.to_line()) == result
    nobody = Result(submission="x", assignment=None, seed=1)
    assert "student" not in json.loads(nobody.to_line())


# What is no platform's


@pytest.mark.parametrize("in_zip", [False, True])
def test_the_class_of_the_tests_is_ordinary(tmp_path: Path, in_zip: bool) -> None:
    path = SUBMISSIONS
    if in_zip:
        path = Path(shutil.make_archive(str(tmp_path / "class"), "zip", SUBMISSIONS))
    assert is_ordinary(path)


@pytest.mark.parametrize(
    "names",
    [
        ["lstm_1.py", "lstm_2.py"],
        ["hw_1_2_kim.py", "hw_1_2_lee.py"],
        ["kim_1_10_lstm.py", "lee_1_11_lstm.py"],
        ["kim_2026_lstm.py", "lee_2026_lstm.py"],
        ["submission_1/lstm.py", "submission_2/lstm.py"],
        ["submission_metadata.yml", "kim/lstm.py", "lee/lstm.py"],
        ["submission_metadata.yml"],
        ["kim_1_assignsubmission_file", "lee_2_assignsubmission_file"],
        ["kim_1_assignment/lstm.py", "lee_2_assignment/lstm.py"],
        ["hw-kim/lstm.py", "hw-lee/lstm.py"],
        ["kim/week3/lstm.py", "lee/week3/lstm.py"],
        ["hw-kim/.git/config", "kim/.git/config"],
        ["hw-kim/.git/config"],
        ["박지훈_과제/lstm.py", "김민준_1.py"],
    ],
    ids=lambda names: names[0],
)
def test_what_only_looks_a_little_like_a_download_is_ordinary(
    tmp_path: Path, names: list[str]
) -> None:
    assert is_ordinary(unpacked(tmp_path / "class", dict.fromkeys(names, b"")))


def test_a_folder_of_that_name_with_files_of_students_is_not_nbgraders(tmp_path: Path) -> None:
    files = {"submitted/kim/lstm.py": b"", "submitted/lee/lstm.py": b""}
    unpacked(tmp_path, files)
    assert is_ordinary(tmp_path / "submitted")


@pytest.mark.parametrize("in_zip", [False, True])
def test_one_in_ten_may_be_named_otherwise_and_is_a_submission_of_its_own(
    tmp_path: Path, in_zip: bool
) -> None:
    files = {f"s{i}_{i}_{900 + i}_lstm.py": RIGHT for i in range(1, 10)}
    files |= {"by_mail.py": WRONG}
    path = packed(tmp_path / "c.zip", files) if in_zip else unpacked(tmp_path / "c", files)
    found = handed_in(path)
    assert list(found) == [*(f"s{i}" for i in range(1, 10)), "by_mail"]
    assert held(found["by_mail"]) == {"by_mail.py": WRONG}
    assert found["by_mail"].student is None
    uploads = [place.upload for _name, place in find(path) if isinstance(place, Inside)]
    assert described(uploads) == "read as a Canvas download: 9 students, and 1 other."
    more = {**files, "s10_10_910_lstm.py": RIGHT, "also_by_mail.py": WRONG}
    assert is_ordinary(unpacked(tmp_path / "more", more))


def test_what_does_not_fit_takes_no_students_name(tmp_path: Path) -> None:
    files = {f"s{i}_{i}_{900 + i}_lstm.py": RIGHT for i in range(1, 20)}
    files |= {"s1.py": WRONG, "s1/lstm.py": WRONG}
    found = handed_in(unpacked(tmp_path / "c", files))
    assert len(found) == 21
    assert held(found["s1"]) == {"lstm.py": RIGHT}
    assert held(found["s1 [2]"]) == {"lstm.py": WRONG}
    assert held(found["s1 [3]"]) == {"s1.py": WRONG}


# Canvas


def test_of_files_with_one_name_the_latest_counts_and_a_note_says_so(tmp_path: Path) -> None:
    files = {
        "kim_1_10_lstm.py": b"first",
        "kim_LATE_1_30_lstm-2.py": b"third",
        "kim_1_20_lstm-1.py": b"second",
        "kim_1_31_helper-1.py": b"help",
        "kim_1_9_report.pdf": b"%PDF",
    }
    [one] = handed_in(unpacked(tmp_path / "class", files)).values()
    assert held(one) == {
        "lstm.py": b"third",
        "helper.py": b"help",
        "report.pdf": None,
        "earlier/1/lstm.py": b"second",
        "earlier/2/lstm.py": b"first",
    }
    assert one.notes == ("Several versions of lstm.py were handed in; the latest counts.",)
    assert one.student is not None and one.student.late is True
    [work] = works(one, ASSIGNMENTS)
    assert work.source == "lstm.py"


def test_the_later_upload_counts_where_names_are_the_same(tmp_path: Path) -> None:
    files = {"kim_1_10_lstm.py": b"later", "kim_1_9_lstm.py": b"first"}
    [one] = handed_in(packed(tmp_path / "class.zip", files)).values()
    assert held(one) == {"lstm.py": b"later", "earlier/1/lstm.py": b"first"}


def test_two_students_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    files = {"kimminjun_1_10_lstm.py": b"", "kimminjun_2_11_lstm.py": b"", "lee_3_12_a.py": b""}
    assert list(handed_in(unpacked(tmp_path / "class", files))) == [
        "kimminjun [1]",
        "kimminjun [2]",
        "lee",
    ]


def test_members_of_a_group_that_share_an_upload_get_it_each(tmp_path: Path) -> None:
    files = {"kim_1_10_lstm.py": RIGHT, "lee_2_10_lstm.py": RIGHT}
    found = handed_in(unpacked(tmp_path / "class", files))
    assert [held(one) for one in found.values()] == [{"lstm.py": RIGHT}] * 2


def test_a_text_or_a_link_in_canvas_is_of_the_student_too(tmp_path: Path) -> None:
    files = {"kim_1_10_lstm.py": RIGHT, "kim_1_text.html": b"", "lee_LATE_2_link.html": b""}
    found = handed_in(unpacked(tmp_path / "class", files))
    assert list(held(found["kim"])) == ["lstm.py", "text.html"]
    assert list(held(found["lee"])) == ["link.html"]


# Gradescope's list of submitters


def submitter(tmp_path: Path, yml: str) -> Student | None:
    """Who handed in submission_501, going by this list."""
    files = {"submission_metadata.yml": yml.encode(), "submission_501/lstm.py": RIGHT}
    [student] = students(unpacked(tmp_path / "class", files)).values()
    return student


NAMELESS = Student(name="submission_501", ids={"gradescope": "501"})


@pytest.mark.parametrize(
    "yml",
    [
        "",
        "---\n[1, 2]\n",
        "submission_501:\n",
        "submission_501:\n  :submitters: []\n",
        "submission_501:\n  :submitters: kim\n",
        "submission_501:\n  :submitters:\n  - :name:\n",
        "submission_501:\n  :submitters:\n  - [kim]\n",
        "submission_501:\n  :submitters:\n  - :name: *x\n",
        "submission_501:\n  :submitters: " + "[" * 10_000 + "\n",
        "submission_501:\n  :submitters: " + "[" * 5_000 + "]" * 5_000 + "\n",
        "submission_501:\n  :submitters:\n  - :name: 'kim\n",
        "\x00\xff\n",
    ],
    ids=range(12),
)
def test_a_list_that_says_nothing_leaves_the_number(tmp_path: Path, yml: str) -> None:
    assert submitter(tmp_path, yml) == NAMELESS


def test_a_reference_that_doubles_and_doubles_costs_nothing(tmp_path: Path) -> None:
    bomb = "".join(
        f"    k{i}: &k{i} [{', '.join([f'*k{i - 1}' if i else 'x'] * 9)}]\n" for i in range(40)
    )
    yml = f"submission_501:\n  :submitters:\n  - :name: kim\n{bomb}"
    assert submitter(tmp_path, yml) == Student(name="kim", ids={"gradescope": "501"})


def test_what_a_program_printed_names_nobody(tmp_path: Path) -> None:
    printed = "submission_501:\n  :submitters:\n  - :name: Mallory\n".replace("\n", "\n      ")
    yml = METADATA.replace("      :submitters:\n", f"      {printed}:submitters:\n", 1)
    assert yml != METADATA
    student = submitter(tmp_path, yml)
    assert student is not None and student.name == "김민준"


def test_a_tag_makes_no_object(tmp_path: Path) -> None:
    mark = tmp_path / "made"
    yml = (
        "submission_501:\n  :submitters:\n  - !ruby/hash:User\n    :name: kim\n"
        f"    :sid: !!python/object/apply:os.mkdir [{mark}]\n"
    )
    assert submitter(tmp_path, yml) == NAMELESS
    assert not mark.exists()


def test_a_name_cannot_lead_out_of_the_results(tmp_path: Path) -> None:
    names = ["../../x", "..", "a/b", "C:\\x", "x\x00y", "  ", "é" * 500]
    records = "".join(
        f"submission_{i}:\n  :submitters:\n  - :name: {json.dumps(name)}\n    :sid: 's{i}'\n"
        for i, name in enumerate(names)
    )
    files = {f"submission_{i}/lstm.py": RIGHT for i in range(len(names))}
    files["submission_metadata.yml"] = records.encode()
    found = list(handed_in(unpacked(tmp_path / "class", files)))
    assert found == ["..-..-x", "1", "a-b", "C--x", "x-y", "s5", "é" * 60]


def test_a_list_over_its_limit_is_refused_with_what_to_do(tmp_path: Path) -> None:
    files = {"submission_metadata.yml": b"", "submission_1/lstm.py": RIGHT}
    path = unpacked(tmp_path / "class", files)
    with (path / "submission_metadata.yml").open("wb") as file:
        file.truncate(65 * MIB)
    with pytest.raises(UsageError, match=r"is over 64 MiB; take it out, and .*\.$"):
        find(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02 14:59:30.123456789 Z", "2026-03-02T14:59:30.123456+00:00"),
        ("2026-03-02 23:59:30 +0900", "2026-03-02T14:59:30+00:00"),
        ("2026-03-02T09:59:30.5-05:00", "2026-03-02T14:59:30.500000+00:00"),
        ("2026-03-02 23:59:30.123456 Asia/Seoul", "2026-03-02T14:59:30.123456+00:00"),
        ("2026-03-02 14:59:30 UTC\n", "2026-03-02T14:59:30+00:00"),
        ("2026-03-02 14:59:30 Nowhere/City", ""),
        ("2026-03-02 14:59:30 ../../etc/passwd", ""),
        ("2026-13-02 14:59:30 Z", ""),
        ("2026-03-02 14:59:30", ""),
        ("yesterday", ""),
    ],
)
def test_a_moment_is_in_utc_or_unknown(text: str, expected: str) -> None:
    assert moment(text) == expected


# Moodle, nbgrader, GitHub Classroom


def test_moodles_files_without_folders_are_read_too(tmp_path: Path) -> None:
    files = {
        "김 민준_7_assignsubmission_file_lstm.py": RIGHT,
        "김 민준_7_assignsubmission_file_helper.py": b"",
        "Lee_Seo_8_assignsubmission_file_hw.zip": zipped({"a/lstm.py": WRONG}),
    }
    found = handed_in(unpacked(tmp_path / "class", files))
    assert {name: sorted(held(one)) for name, one in found.items()} == {
        "Lee_Seo": ["hw/a/lstm.py"],
        "김 민준": ["helper.py", "lstm.py"],
    }


def test_clones_side_by_side_share_their_assignment(tmp_path: Path) -> None:
    logins = ["kim", "lee-seoyeon", "park"]
    files = {f"week-3-{login}/{name}": RIGHT for login in logins for name in ("lstm.py", ".git/x")}
    found = handed_in(unpacked(tmp_path / "class", files))
    assert list(found) == logins
    assert all(held(one) == {"lstm.py": RIGHT} for one in found.values())


def test_a_students_assignments_at_nbgrader_are_one_submission(tmp_path: Path) -> None:
    files = {
        "submitted/kim/week1/lstm.ipynb": b"{}",
        "submitted/kim/week2/attention.ipynb": b"{}",
        "submitted/kim/week1/timestamp.txt": b"2026-03-02 14:59:30 UTC",
        "submitted/kim/week2/timestamp.txt": b"2026-03-09 14:59:30 UTC",
    }
    unpacked(tmp_path, files)
    [one] = handed_in(tmp_path / "submitted").values()
    assert [work.assignment for work in works(one, ASSIGNMENTS)] == ["lstm", "attention"]
    assert one.student is not None and one.student.submitted == "2026-03-09T14:59:30+00:00"


# Limits and safety: those of a submission hold for each student's part


def in_both(tmp_path: Path, files: Files) -> list[Path]:
    return [unpacked(tmp_path / "class", files), packed(tmp_path / "class.zip", files)]


def test_a_students_zip_is_read_as_a_folder_beside_the_files(tmp_path: Path) -> None:
    files = dict(gradescope(RIGHT, WRONG))
    del files["submission_501/lstm.py"]
    files["submission_501/과제.zip"] = zipped({"code/lstm.py": RIGHT, "code/deep.zip": b"PK"})
    files["submission_501/deeper/other.zip"] = zipped({"lstm.py": WRONG})
    for path in in_both(tmp_path, files):
        assert held(handed_in(path)["김민준"]) == {
            "deeper/other.zip": None,
            "과제/code/deep.zip": None,
            "과제/code/lstm.py": RIGHT,
        }


def test_a_broken_zip_costs_nothing_where_there_is_code_beside_it(tmp_path: Path) -> None:
    files = {"kim_1_10_lstm.py": RIGHT, "kim_1_11_data.zip": b"PK", "lee_2_12_hw.zip": b"PK"}
    for path in in_both(tmp_path, files):
        found = handed_in(path)
        assert held(found["kim"]) == {"lstm.py": RIGHT}
        assert found["kim"].notes == ("data.zip is not a zip that can be read; pack it again.",)
        assert found["lee"].refused == "hw.zip is not a zip that can be read; pack it again."
        assert found["lee"].student is not None


def test_a_class_may_be_larger_than_a_submission(tmp_path: Path) -> None:
    files = {f"s{i}_{i}_{1000 + i}_lstm.py": RIGHT for i in range(1, 1200)}
    files |= {f"s{i}_{i}_{5000 + i}_data.bin": bytes(20 * MIB) for i in range(1, 8)}
    found = handed_in(packed(tmp_path / "class.zip", files))
    assert len(found) == 1199
    assert not any(one.refused for one in found.values())


def test_a_student_over_the_limits_of_a_submission_is_refused_alone(tmp_path: Path) -> None:
    limits = Limits(entries=3, archive=1 * MIB)
    big = {"submission_501/a.bin": bytes(MIB - 100), "submission_501/b.bin": bytes(100)}
    many = {f"submission_502/{i}.txt": b"" for i in range(4)}
    files = {**gradescope(RIGHT, WRONG), **big, **many}
    found = list(handed_in(packed(tmp_path / "class.zip", files), limits).values())
    assert [one.refused for one in found] == [
        "The zip's member 'submission_501/b.bin' takes the zip over 1 MiB inflated; hand in code "
        "only.",
        "The zip holds more than 3 entries; hand in your code only.",
        "",
    ]


def test_what_several_zips_hold_is_counted_together(tmp_path: Path) -> None:
    half = zipped({f"{i}.py": bytes(500 * KIB) for i in range(2)})
    files = {f"kim_1_{i}_hw{i}.zip": half for i in range(2, 6)}
    limits = Limits(archive=3 * MIB)
    for path in in_both(tmp_path, files):
        assert handed_in(path, limits)["kim"].refused == (
            "It holds more than 3 MiB of code; hand in your code only."
        )
    few = Limits(entries=7)
    for path in in_both(tmp_path, files):
        assert handed_in(path, few)["kim"].refused == (
            "It holds more than 7 files; hand in your code only."
        )


def test_a_bomb_in_a_students_zip_does_not_inflate(tmp_path: Path) -> None:
    bomb = zipped({"lstm.py": RIGHT, "data.bin": bytes(101 * MIB)})
    for path in in_both(tmp_path, {"kim_1_10_hw.zip": bomb, "lee_2_11_lstm.py": RIGHT}):
        tracemalloc.start()
        try:
            found = handed_in(path)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert found["kim"].refused == (
            "The zip's member 'data.bin' takes the zip over 100 MiB inflated; hand in code only."
        )
        assert found["lee"].refused == ""
        assert peak < 8 * MIB


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("submission_501/../../lstm.py", 0, "leads out of the zip; pack your files anew."),
        ("submission_501/lstm.py", stat.S_IFLNK | 0o777, "is a link; hand in the file itself."),
    ],
)
def test_one_bad_member_refuses_its_student_and_no_other(
    tmp_path: Path, name: str, mode: int, reason: str
) -> None:
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("submission_metadata.yml", METADATA)
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, b"/etc/passwd")
        archive.writestr("submission_503/lstm.py", RIGHT)
    found = handed_in(path)
    assert found["김민준"].refused == f"The zip's member '{name}' {reason}"
    assert held(found["Park Dohyun"]) == {"lstm.py": RIGHT}


def test_a_link_in_an_unpacked_class_is_not_followed(tmp_path: Path) -> None:
    secret = unpacked(tmp_path / "secret", {"lstm.py": RIGHT})
    path = unpacked(tmp_path / "class", canvas(RIGHT, WRONG))
    (path / "eve_104_9009_lstm.py").symlink_to(secret / "lstm.py")
    assert handed_in(path)["eve"].refused == (
        "eve_104_9009_lstm.py is a link; hand in the file itself."
    )
    other = unpacked(tmp_path / "other", gradescope(RIGHT, WRONG))
    (other / "submission_504").symlink_to(secret, target_is_directory=True)
    assert is_ordinary(other) or "submission_504" not in handed_in(other)


@pytest.mark.parametrize("name", ["../kim_1_10_lstm.py", "/kim_1_10_lstm.py", "\\kim_1_10_lstm.py"])
def test_a_zip_with_a_member_of_nobodys_that_leads_out_is_refused_whole(
    tmp_path: Path, name: str
) -> None:
    path = packed(tmp_path / "class.zip", {"lee_2_11_lstm.py": RIGHT, name: RIGHT})
    with pytest.raises(UsageError, match=r"leads out of it; download the zip again\.$"):
        find(path)


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"Rar!\x1a\7", b"Student,ID\n"])
def test_a_zip_that_is_none_is_a_usage_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"is not a zip that can be read; download it again, or"):
        find(path)


def test_an_empty_zip_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is empty; give the zip that holds the submissions\.$"):
        find(packed(tmp_path / "class.zip", {}))


def test_a_zip_of_too_many_entries_is_to_be_unpacked(tmp_path: Path) -> None:
    path = packed(tmp_path / "class.zip", canvas(RIGHT, WRONG))
    with pytest.raises(UsageError, match=r"more than 3 entries; unpack it and give the folder\.$"):
        submission.Zip.of(path, Limits(class_entries=3))


def test_a_zip_of_one_student_is_one_submission(tmp_path: Path) -> None:
    path = packed(tmp_path / "kim.zip", {"hw/lstm.py": RIGHT, "hw/helper.py": b""})
    assert find(path) == [("kim", path)]


def test_every_platform_has_its_words() -> None:
    assert len(platforms.PLATFORMS) == len(PLATFORMS) == len(WHOSE) == len(SAID)


# Who would be somebody else


def test_a_file_name_takes_nobodys_place_in_a_flat_moodle_download(tmp_path: Path) -> None:
    files = {
        "Zoe Kim_12_assignsubmission_file_lstm.py": RIGHT,
        "Mallory_55_assignsubmission_file_x_12_assignsubmission_file_lstm.py": WRONG,
        "Mallory_55_assignsubmission_file_lstm.py": WRONG,
    }
    found = handed_in(unpacked(tmp_path / "class", files))
    assert set(found) == {"Zoe Kim", "Mallory"}
    assert held(found["Zoe Kim"]) == {"lstm.py": RIGHT}


def test_a_student_who_is_called_like_another_with_an_id_is_one_more(tmp_path: Path) -> None:
    files = {
        f"{name}_assignsubmission_file_/lstm.py": RIGHT
        for name in ("Kim_101", "Kim_102", "Kim [101]_7", "Lee_8")
    }
    assert len(handed_in(unpacked(tmp_path / "class", files))) == 4


@pytest.mark.parametrize("name", ["submitted", "hw-submissions"])
def test_a_zip_that_holds_a_folder_of_its_own_name_is_what_that_holds(
    tmp_path: Path, name: str
) -> None:
    files = {
        f"{name}/{student}/hw/lstm.py": RIGHT
        for student in (("ann", "bob") if name == "submitted" else ("hw-ann", "hw-bob"))
    }
    path = packed(tmp_path / f"{name}.zip", files)
    assert set(handed_in(path)) == {"ann", "bob"}
