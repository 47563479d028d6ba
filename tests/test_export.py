"""What goes back to a platform, read as the platform reads it: each student's mark, and no other's."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import xmlschema

from autograder import results
from autograder.errors import UsageError
from autograder.reports.export import export
from autograder.results import CheckResult, Result, Student, TodoResult
from autograder.settings import CourseSettings, Late
from tests.conftest import REPOSITORY
from tests.platforms import PLATFORMS, packed, unpacked

Run = Callable[..., subprocess.CompletedProcess[str]]

SOLUTION = (REPOSITORY / "solutions" / "lstm.py").read_bytes()
WORTHLESS = b"raise RuntimeError\n"  # nothing is diagnosed, which would take a while


# ---------------------------------------------------------------- Canvas's own reading


@dataclass(frozen=True)
class User:
    """A student as Canvas knows them."""

    id: str
    sortable_name: str
    login: str = ""
    sis: str = ""
    name: str = ""


COURSE = [
    User("101", "김민준", "minjun@snu.ac.kr", "0101"),
    User("102", "이서연", "seoyeon@snu.ac.kr", "0102"),
    User("103", "Park, Dohyun", "dohyun@snu.ac.kr", "0103", "Park Dohyun"),
    User("104", "O'Neil, Bo", "bo@snu.ac.kr", "0104", "Bo O'Neil"),
]


def imported(data: bytes, course: Sequence[User] = COURSE) -> dict[str, dict[str, str]]:
    """What Canvas would take from a file: the cells by user's id and column. Fails where it would."""
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    header = rows[0]
    assert "Student" in header[0] and header[1] == "ID"  # a BOM is no obstacle
    count, sis, login = 3, 0, 0
    if header[2] == "SIS Login ID":
        login, count = 2, 4
    elif header[2:4] == ["SIS User ID", "SIS Login ID"]:
        sis, login, count = 2, 3, 5
    assert "Section" in header[count - 1]
    found: dict[str, dict[str, str]] = {}
    for row in rows[1:]:
        if "Points Possible" in row[0] or all(
            re.fullmatch(r"\s*(Manual Posting)?", c) for c in row
        ):
            continue
        users = [u for u in course if row[1] and u.id == row[1]]
        users = users or [u for u in course if sis and row[sis] and u.sis == row[sis]]
        users = users or [u for u in course if login and row[login] and u.login == row[login]]
        users = users or [u for u in course if row[0] in (u.name, u.sortable_name)]
        assert len(users) == 1, f"Canvas does not know {row[:count]}"
        assert users[0].id not in found
        found[users[0].id] = dict(zip(header[count:], row[count:], strict=True))
    return found


GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section,LSTM (77),lstm quiz (78),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,6,10,(read only)
김민준,101,0101,minjun@snu.ac.kr,딥러닝 1,,7.5,55.1
"이서연",102,0102,seoyeon@snu.ac.kr,딥러닝 1,1,"8, really",
"Park, Dohyun",103,0103,dohyun@snu.ac.kr,"딥러닝 1
and 딥러닝 2",,,
"O'Neil, Bo",104,0104,bo@snu.ac.kr,딥러닝 2,EX,9,
"=HYPERLINK(""x"")",105,0105,eve@snu.ac.kr,딥러닝 2,2,,
"""


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True))


# ---------------------------------------------------------------- results, made by hand


def graded(name: str, score: float, student: Student | None = None, of: str = "lstm") -> Result:
    """One assignment of a submission, with one TODO and one check."""
    passed = score == 6
    check = CheckResult("sees", "It sees.", passed, "" if passed else "got 1, expected <2> & 3")
    verdict = results.PASSED if passed else results.FAILED
    todo = TodoResult("last_step", score, 6, verdict, (check,))
    return Result(
        submission=name,
        assignment=of,
        score=score,
        max_score=6,
        seed=1,
        todos=(todo,),
        student=student,
    )


def graded_class(folder: Path, landed: Sequence[Result]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(result.to_line() + "\n" for result in landed)
    (folder / "results.jsonl").write_text(lines, "utf-8")
    return folder


def exported(
    kind: str,
    folder: Path,
    landed: Sequence[Result],
    *titles: str,
    gradebook: str | bytes | None = None,
) -> tuple[str, list[str]]:
    """The file that is written, and what is said."""
    out = graded_class(folder / "out", landed)
    template = None
    if gradebook is not None:
        template = folder / "gradebook.csv"
        data = gradebook.encode() if isinstance(gradebook, str) else gradebook
        template.write_bytes(data)
    target, notes = export(kind, out, None, template, titles)
    return target.read_bytes().decode(), notes


def canvas_student(id: str, name: str = "x", **more: Any) -> Student:
    return Student(name=name, ids={"canvas": id}, **more)


# ---------------------------------------------------------------- there and back


# What comes back: the same three (Gradescope: with another one in a group) by Canvas's ids.
MARKS = {"101": "6", "102": "0", "103": "6"}
# GitHub knows logins only: who gets these marks back has them as names.
LOGINS = {"101": "minjun-kim", "102": "seoyeon", "103": "dohyun-p"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_class_goes_there_and_back(run: Run, tmp_path: Path, platform: str) -> None:
    path = packed(tmp_path / "받은 과제.zip", PLATFORMS[platform](SOLUTION, WORTHLESS))
    process = run("grade", path.name, "-o", "out", "--seed", "5", "--jobs", "2", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"read as .*: [34] students.*\.\n", process.stderr)
    course = COURSE
    if platform == "github":
        course = [replace(u, sortable_name=LOGINS.get(u.id, u.sortable_name)) for u in COURSE]
    gradebook = tmp_path / "gradebook.csv"
    with gradebook.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "LSTM (77)"])
        writer.writerow(["    Points Possible", *[""] * 4, "6"])
        writer.writerows([u.sortable_name, u.id, u.sis, u.login, "1", ""] for u in course)
    expected = {**MARKS, "104": "0"} if platform == "gradescope" else MARKS
    for template, title in ((gradebook, "LSTM (77)"), (None, "lstm")):
        target, notes = export(
            "canvas", tmp_path / "out", None, template, ["lstm=LSTM (77)"] if template else []
        )
        assert notes == []
        if template or platform != "nbgrader":  # a login that is a number needs the gradebook
            marks = imported(target.read_bytes(), course)
            assert {id: them[title] for id, them in marks.items() if them[title]} == expected
    target, _notes = export("gradescope", tmp_path / "out", None, None, ())
    answers = [json.loads(path.read_text("utf-8")) for path in target.glob("*/results.json")]
    assert sorted(answer["score"] for answer in answers) == sorted(map(float, expected.values()))


# ---------------------------------------------------------------- Canvas


def test_a_gradebook_of_its_own_has_the_headers_that_canvas_reads(tmp_path: Path) -> None:
    landed = [
        graded("김민준", 6, canvas_student("101", "김민준")),
        graded("김민준", 2.5, canvas_student("101", "김민준"), of="attention"),
        graded("이서연", 3, canvas_student("102", "이서연")),
        Result(submission="park", assignment=None, seed=1, student=canvas_student("103", "park")),
    ]
    text, notes = exported("canvas", tmp_path, landed)
    assert text.startswith("\ufeffStudent,ID,SIS Login ID,Section,attention,lstm\n")
    assert cells(text)[1] == ["    Points Possible", "", "", "", "6", "6"]
    assert notes == []
    assert imported(text.encode()) == {
        "101": {"attention": "2.5", "lstm": "6"},
        "102": {"attention": "", "lstm": "3"},
        "103": {"attention": "", "lstm": ""},
    }


def test_a_downloaded_gradebook_gets_marks_and_is_else_as_it_was(tmp_path: Path) -> None:
    landed = [
        graded("a", 6, canvas_student("101")),
        graded("b", 3, canvas_student("102")),
        graded("d", 3, canvas_student("104")),
        Result(submission="e", assignment=None, seed=1, student=canvas_student("105")),
    ]
    text, notes = exported("canvas", tmp_path, landed, gradebook=GRADEBOOK)
    assert notes == []
    before, after = cells(GRADEBOOK), cells(text)
    changed = [
        (r, c) for r, row in enumerate(before) for c, cell in enumerate(row) if cell != after[r][c]
    ]
    assert [(after[r][1], after[0][c], after[r][c]) for r, c in changed] == [
        ("101", "LSTM (77)", "6"),
        ("102", "LSTM (77)", "3"),
    ]
    assert [len(row) for row in before] == [len(row) for row in after]


@pytest.mark.parametrize(
    "title", ["LSTM (77)", "lstm=LSTM (77)", "lstm quiz (78)", "attention=LSTM (77)"]
)
def test_a_column_is_of_one_assignment_or_of_all_together(tmp_path: Path, title: str) -> None:
    student = canvas_student("103")
    landed = [graded("c", 6, student), graded("c", 1.5, student, of="attention")]
    text, notes = exported("canvas", tmp_path, landed, title, gradebook=GRADEBOOK)
    header, _posting, points, *rows = cells(text)
    name, _equals, column = title.rpartition("=")
    at = header.index(column)
    assert rows[2][at] == {"lstm": "6", "attention": "1.5", "": "7.5"}[name]
    of = 6 if name else 12
    said = [f"{column} is out of {points[at]} in Canvas, and of {of} here."]
    assert notes == (said if float(points[at]) != of else [])


def test_an_assignment_without_a_column_gets_one_and_that_is_said(tmp_path: Path) -> None:
    landed = [graded("a", 4, canvas_student("101"), of="vit")]
    text, [note] = exported("canvas", tmp_path, landed, gradebook=GRADEBOOK)
    assert cells(text)[0][-1] == "vit"
    assert [row[-1] for row in cells(text)[1:4]] == ["", "6", "4"]
    assert re.fullmatch(r"vit is not in .*, and becomes a new .*--column vit=TITLE\.", note)


@pytest.mark.parametrize(
    ("name", "ids", "id"),
    [
        ("x", {"canvas": "103"}, "103"),
        ("김민준", {"canvas": "103"}, "103"),
        ("x", {"sid": "0103"}, "103"),
        ("x", {"email": "dohyun@snu.ac.kr"}, "103"),
        ("x", {"nbgrader": "0103"}, "103"),
        ("Park, Dohyun", {}, "103"),
        ("Dohyun  Park", {"moodle": "9"}, "103"),
        ("0103", {}, "103"),
        ("dohyun@snu.ac.kr", {}, "103"),
        ("김민준", {"moodle": "9"}, "101"),  # composed or not
        ("=HYPERLINK(\"x\")", {}, "105"),
        ("park, dohyun", {}, None),
        ("103", {}, None),
        ("x", {"moodle": "103"}, None),
        ("x", {"gradescope": "103"}, None),
        ("김민준", {"canvas": "999"}, None),
        ("0103", {"github": "0103"}, None),
        ("", {"sid": ""}, None),
    ],
)  # fmt: skip
def test_a_student_is_found_by_id_then_login_then_exact_name(
    tmp_path: Path, name: str, ids: Mapping[str, str], id: str | None
) -> None:
    landed = [graded("one", 5, Student(name=name, ids=ids))]
    text, notes = exported("canvas", tmp_path, landed, gradebook=GRADEBOOK)
    marks = [row[1] for row in cells(text)[3:] if row[5] == "5"]
    assert marks == ([id] if id else [])
    assert len(notes) == (id is None)
    if not id:
        assert notes[0].endswith(f"gradebook.csv has no row, or several, for: {name}.")


def test_a_submission_that_no_platform_named_is_found_by_its_own_name(tmp_path: Path) -> None:
    landed = [graded("0102", 5), graded("Dohyun Park", 4)]
    text, notes = exported("canvas", tmp_path, landed, gradebook=GRADEBOOK)
    assert [row[5] for row in cells(text)[3:]] == ["", "5", "4", "EX", "2"]
    assert notes == []


def test_one_name_of_two_students_is_neithers(tmp_path: Path) -> None:
    twice = GRADEBOOK.replace('"Park, Dohyun"', "김민준")
    text, [note] = exported("canvas", tmp_path, [graded("김민준", 5)], gradebook=twice)
    assert cells(text) == cells(twice)
    assert note.endswith("for: 김민준.")


def test_two_submissions_of_one_row_leave_it_as_it_was(tmp_path: Path) -> None:
    landed = [graded("a", 6, canvas_student("101", "a")), graded("0101", 3)]
    text, [note] = exported("canvas", tmp_path, landed, gradebook=GRADEBOOK)
    assert cells(text) == cells(GRADEBOOK)
    assert note == "several submissions are of one row, which is left as it was: a, 0101."


def test_a_mark_that_the_grader_left_open_is_not_exported(tmp_path: Path) -> None:
    broken = replace(graded("a", 0, canvas_student("101", "kim")), grader_error="KeyError: 'x'")
    for gradebook in (None, GRADEBOOK):
        text, [note] = exported("canvas", tmp_path, [broken], gradebook=gradebook)
        assert imported(text.encode(), [*COURSE, User("105", "x")])["101"].get("lstm", "") == ""
        assert note == "the grader failed on these, whose marks are open: kim."


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+kim", "-kim"])
def test_no_name_becomes_a_formula_and_its_mark_finds_the_student(
    tmp_path: Path, name: str
) -> None:
    text, _notes = exported("canvas", tmp_path, [graded("a", 6, canvas_student("101", name))])
    assert cells(text)[2][0] == f"'{name}"
    assert imported(text.encode())["101"] == {"lstm": "6"}


def test_a_gradebook_with_semicolons_keeps_them(tmp_path: Path) -> None:
    semicolons = "\ufeff" + GRADEBOOK.replace('"8, really"', "8").replace(",", ";")
    text, _notes = exported(
        "canvas", tmp_path, [graded("a", 2.5, canvas_student("101"))], gradebook=semicolons
    )
    assert text.splitlines()[3].split(";")[5] == "2.5"


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"name,mark\nkim,3\n", b"Student,ID\nkim,3\n", b"PK\3\4\0\0", b"\xff\xfe\0"],
)
def test_what_is_no_gradebook_is_a_usage_error(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match=r"is no gradebook of Canvas's; export it there"):
        exported("canvas", tmp_path, [graded("a", 6)], gradebook=data)


def test_a_column_that_is_not_there_is_a_usage_error_that_lists_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no column 'LTSM \(77\)'; it has LSTM \(77\), lstm quiz"):
        exported("canvas", tmp_path, [graded("a", 6)], "LTSM (77)", gradebook=GRADEBOOK)


def test_a_column_of_no_assignment_is_a_usage_error_without_a_gradebook_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"names the assignment 'lsmt', and there are lstm; write"):
        exported("canvas", tmp_path, [graded("a", 6)], "lsmt=LSTM")


# ---------------------------------------------------------------- the table


def test_the_table_has_ids_lateness_and_points_of_every_todo(tmp_path: Path) -> None:
    members = (Student(name="이서연", ids={"sid": "0102"}), Student(name="Bo"))
    landed = [
        graded("=kim", 6, canvas_student("101", "=kim", late=True)),
        graded("둘", 3, Student(name="둘", submitted="2026-03-02T15:10:00+00:00", members=members)),
        graded("by_mail", 0),
    ]
    text, _notes = exported("csv", tmp_path, landed)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
    assert [(r["submission"], r["name"], r["canvas"], r["late"], r["submitted"]) for r in rows] == [
        ("'=kim", "'=kim", "101", "yes", ""),
        ("둘", "둘", "", "", "2026-03-02T15:10:00+00:00"),
        ("by_mail", "", "", "", ""),
    ]
    assert [row["members"] for row in rows] == ["", "이서연 (0102); Bo", ""]
    assert [(row["total"], row["lstm"], row["lstm.last_step"]) for row in rows] == [
        ("6", "6", "6"),
        ("3", "3", "3"),
        ("0", "0", "0"),
    ]


# ---------------------------------------------------------------- JUnit

SCHEMA = REPOSITORY / "tests" / "junit.xsd"


def suites(text: str) -> list[ElementTree.Element]:
    xmlschema.XMLSchema(SCHEMA).validate(ElementTree.fromstring(text))
    return list(ElementTree.fromstring(text))


def test_the_schema_holds_for_what_pytest_writes_itself(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import pytest\n"
        "def test_a(): print('out')\n"
        "def test_b(): assert 0, '<&>'\n"
        "def test_c(): pytest.skip('why')\n"
        "@pytest.fixture\ndef broken(): raise ValueError\n"
        "def test_d(broken): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:autograder", "--junitxml=x.xml", "-q"]
    subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=tmp_path, check=False, capture_output=True
    )
    [suite] = suites((tmp_path / "x.xml").read_text("utf-8"))
    assert suite.attrib["tests"] == "4"


def test_a_suite_for_each_assignment_with_a_case_for_each_check(tmp_path: Path) -> None:
    landed = [
        graded("김민준", 6, canvas_student("101", "김민준")),
        graded("lee", 3),
        replace(graded("park", 0), grader_error="KeyError: 'x'"),
        Result(submission="choi", assignment=None, seed=1, notes=("Nothing was found.",)),
    ]
    text, _notes = exported("junit", tmp_path, landed)
    found = suites(text)
    assert [
        tuple(suite.attrib[a] for a in ("name", "tests", "failures", "errors", "skipped"))
        for suite in found
    ] == [
        ("김민준/lstm", "1", "0", "0", "0"),
        ("lee/lstm", "1", "1", "0", "0"),
        ("park/lstm", "1", "0", "1", "0"),
        ("choi", "1", "0", "0", "1"),
    ]
    case = found[1].find("testcase")
    assert case is not None
    assert case.attrib == {"classname": "lstm.last_step", "name": "sees"}
    assert case.findtext("failure") == "got 1, expected <2> & 3\nChecked: It sees."
    properties = {p.attrib["name"]: p.attrib["value"] for p in found[0].iter("property")}
    assert properties == {
        "score": "6",
        "max_score": "6",
        "last_step.score": "6",
        "last_step.max_score": "6",
        "student": "김민준",
        "id.canvas": "101",
    }


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    evil = "\x00\x08\x1b[31m\ufffe\uffff\u202e]]><failure/>&amp;\ud800"
    check = CheckResult("sees", evil, False, evil)
    todo = TodoResult("sdpa", 0, 1, results.FAILED, (check,), feedback=(evil,))
    one = Result(
        submission=f"eve{evil}",
        assignment="attention",
        seed=1,
        todos=(todo,),
        notes=(evil,),
        output=evil,
        student=Student(name=evil, ids={"sid": evil}),
    )
    text, _notes = exported("junit", tmp_path, [one])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ufffe\uffff]", text)
    [suite] = suites(text)
    assert suite.attrib["failures"] == "1"
    assert "]]><failure/>&amp;" in (suite.findtext("system-out") or "")


# ---------------------------------------------------------------- Gradescope


def test_every_member_of_a_group_has_the_results_of_the_feedback(tmp_path: Path) -> None:
    members = (Student(name="이서연"), Student(name="../../Bo"))
    landed = [
        graded("둘", 3, Student(name="둘", members=members)),
        graded("김민준 [1]", 6, canvas_student("1", "김민준")),
        graded("김민준 [2]", 2, canvas_student("2", "김민준")),
    ]
    out = graded_class(tmp_path / "out", landed)
    stale = out / "gradescope" / "gone" / "results.json"
    stale.parent.mkdir(parents=True)
    stale.touch()
    for _again in range(2):
        target, _notes = export("gradescope", out, None, None, ())
        files = {p.parent.name: json.loads(p.read_text("utf-8")) for p in target.rglob("*.json")}
        assert {name: answer["score"] for name, answer in files.items()} == {
            "이서연": 3,
            "..-..-Bo": 3,
            "김민준": 6,
            "김민준 [2]": 2,
        }
    [test] = files["이서연"]["tests"]
    assert (test["name"], test["score"], test["status"]) == ("lstm: last_step", 3, "failed")


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("kind", "out", "target", "gradebook", "titles", "sentence"),
    [
        ("csv", "nowhere", "", "", [], "nowhere does not exist; give a folder that .* wrote to"),
        ("csv", "empty", "", "", [], "empty holds no results; grade the class first"),
        ("csv", "file", "", "", [], "file is not what this version writes; .*"),
        ("csv", ".", "", "", [], r"results\.jsonl does not exist; give a folder .*"),
        ("csv", "out", "no/where.csv", "", [], "there is no folder no; make it, or .*"),
        ("csv", "out", "empty", "", [], "empty is no file; give another"),
        ("gradescope", "out", "file", "", [], "file is no folder; give another"),
        ("junit", "out", "", "", ["x"], "--gradebook and --column are for canvas; .*"),
        ("canvas", "out", "", "nope.csv", [], r"nope\.csv does not exist; give the .*"),
        ("canvas", "out", "", "", ["a", "a"], "--column names 'a' twice; .*"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    out: str,
    target: str,
    gradebook: str,
    titles: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    graded_class(tmp_path / "out", [graded("a", 6)])
    graded_class(tmp_path / "empty", [])
    unpacked(tmp_path, {"file": b"x\n"})
    paths = (Path(name) if name else None for name in (target, gradebook))
    with pytest.raises(UsageError, match=f"^{sentence}\\.?$"):
        export(kind, Path(out), *paths, titles)


def test_the_command_says_where_it_wrote_and_what_is_left(run: Run, tmp_path: Path) -> None:
    graded_class(tmp_path / "out", [graded("a", 6), graded("김민준", 5)])
    (tmp_path / "gradebook.csv").write_text(GRADEBOOK, "utf-8")
    process = run("export", "canvas", "out", "--gradebook", "gradebook.csv", cwd=tmp_path)
    assert process.returncode == 0
    assert process.stdout == f"wrote {Path('out', 'canvas.csv')}\n"
    assert process.stderr == "autograder: gradebook.csv has no row, or several, for: a.\n"
    command = ("export", "junit", "out", "-o", "marks.xml", "--lang", "ko")
    assert run(*command, cwd=tmp_path).stdout == "wrote marks.xml\n"
    assert "검사한 것: " in (tmp_path / "marks.xml").read_text("utf-8")


def test_the_command_fails_in_one_sentence(run: Run, tmp_path: Path) -> None:
    process = run("export", "csv", "nowhere", cwd=tmp_path)
    assert process.returncode == 2
    assert process.stdout == ""
    assert re.fullmatch(r"autograder: nowhere does not exist; .*\.\n", process.stderr)
    process = run("export", "excel", "out", cwd=tmp_path)
    assert process.returncode == 2
    assert process.stderr == (
        "autograder: Invalid value for 'FORMAT': 'excel' is not one of 'canvas', 'csv', 'junit', "
        "'gradescope'; 'autograder export --help' lists what there is.\n"
    )


@pytest.mark.parametrize(
    "broken", ["3", "{}", '{"name": "x", "age": 3}', '{"name": "x", "members": 3}']
)
def test_results_whose_student_is_damaged_are_refused(tmp_path: Path, broken: str) -> None:
    line = graded("a", 6, canvas_student("1")).to_line()
    head, _student = line.split('"student": ')
    (tmp_path / "results.jsonl").write_text(f'{head}"student": {broken}}}\n', "utf-8")
    with pytest.raises(UsageError, match="is not what this version writes"):
        export("csv", tmp_path, None, None, ())


# ---------------------------------------------------------------- what the course says


DUE = datetime(2026, 5, 1, 23, 59, tzinfo=UTC)
LATE = CourseSettings(
    deadlines={"lstm": DUE}, late=Late(per_day=10, at_most=50, grace_minutes=15), groups=False
)


@pytest.mark.parametrize(
    ("hours", "left"), [(0.2, "6"), (1, "5.4"), (30, "4.8"), (24 * 9, "3")], ids=str
)
def test_what_comes_late_loses_points(tmp_path: Path, hours: float, left: str) -> None:
    submitted = (DUE + timedelta(hours=hours)).isoformat()
    late = canvas_student("101", submitted=submitted)
    landed = [graded("a", 6, late), graded("b", 6, canvas_student("102")), graded("c", 6)]
    out = graded_class(tmp_path / "out", landed)
    target, notes = export("csv", out, None, None, (), LATE)
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"))))
    assert [row["lstm"] for row in rows] == [left, "6", "6"]
    assert any("lateness: 1 results" in note for note in notes) == (left != "6")
    target, _notes = export("gradescope", out, None, None, (), LATE)
    answer = json.loads((target / "x" / "results.json").read_text("utf-8"))
    assert answer["score"] == float(left)
    assert ("came after" in answer["output"]) == (left != "6")


def test_a_course_without_groups_gives_a_groups_result_to_the_first_named(tmp_path: Path) -> None:
    members = canvas_student("101", "kim"), canvas_student("102", "lee")
    group = Student(name="kim & lee", members=members)
    out = graded_class(tmp_path / "out", [graded("kim & lee", 6, group)])
    for settings, expected in ((CourseSettings(), {"101", "102"}), (LATE, {"101"})):
        target, _notes = export("canvas", out, None, None, (), settings)
        assert imported(target.read_bytes()).keys() == expected
