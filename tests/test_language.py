"""Students read Korean or English: every message is translated, and the marks are the same."""

import ast
import json
import re
import shutil
import string
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po

from autograder import language
from autograder.comments import texts
from autograder.course import PACKAGE, Course
from autograder.errors import CourseError
from autograder.examine import Examination
from autograder.observation import Observed, Other, Raised
from autograder.pool import Job, Warm
from autograder.source import placeholders
from autograder.stubs import generated
from tests import messages
from tests.conftest import ASSIGNMENTS, REPOSITORY, Grader

Run = Callable[..., subprocess.CompletedProcess[str]]

HANGUL = re.compile("[가-힣]")
ENGLISH = re.compile(r"\b[A-Za-z]+(?: [a-z]+){3,}\b")  # four plain words in a row
PARTICLES = re.compile(r"\((?:은|는|이|가|을|를|과|와|으로|로|으|이어|여)\)")
KO = Path("ko", "LC_MESSAGES", "autograder.po")


def solution(name: str) -> str:
    return (REPOSITORY / "solutions" / f"{name}.py").read_text("utf-8")


def stub(name: str, folder: str = "") -> str:
    return (REPOSITORY / "assignments" / folder / f"{name}.py").read_text("utf-8")


def replaced(source: str, old: str, new: str) -> str:
    assert source.count(old) == 1
    return source.replace(old, new)


# ---------------------------------------------------------------- the messages


def test_every_message_is_translated_and_compiled() -> None:
    assert messages.main(only_check=True) is None
    assert {path.parts[-3] for path in messages.catalogues(messages.LOCALE)} == set(
        language.LANGUAGES
    ) - {"en"}


def pairs() -> Iterator[tuple[str, str]]:
    """(message, translation) of the Korean catalogue."""
    for message in read_po(BytesIO((messages.LOCALE / KO).read_bytes())):
        if message.id:
            yield str(message.id), str(message.string)


def values(text: str) -> set[tuple[str, str | None]]:
    """The placeholders of a message, with the way in which they are shown."""
    return {(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def test_a_translation_has_the_placeholders_of_its_message() -> None:
    assert len(list(pairs())) > 150
    assert [(en, ko) for en, ko in pairs() if values(en) != values(ko)] == []


def test_a_translation_is_korean_and_no_particle_in_it_depends_on_a_value() -> None:
    assert [ko for _, ko in pairs() if not HANGUL.search(ko)] == []
    assert [ko for _, ko in pairs() if PARTICLES.search(ko)] == []
    direct = re.compile(r"\}(?:은|는|이|가|을|를|과|와|으로|로|이어야|여야)(?![가-힣])")
    assert [ko for _, ko in pairs() if direct.search(ko)] == []


def test_a_translation_ends_as_its_message_does() -> None:
    """Of some sentences the full stop is added later."""
    assert [(en, ko) for en, ko in pairs() if (en[-1] in ".:?") != (ko[-1] in ".:?")] == []


FIRST = 'msgid "{name} is missing."\nmsgstr "'
DRIFT = {
    "one is missing": (FIRST, 'msgid "{name} was missing."\nmsgstr "', "stale.*po;"),
    "one is obsolete": (
        f"\n{FIRST}",
        f'\nmsgid "Gone."\nmsgstr "갔습니다."\n\n{FIRST}',
        "stale.*po;",
    ),
    "one is not translated": (f"{FIRST}{{name}}: 값이 없습니다.", FIRST, "lacks 1 translation"),
    "one is fuzzy": (f"{FIRST}", f"#, fuzzy\n{FIRST}", "lacks 1 translation"),
    "one is not compiled": (f"{FIRST}{{name}}: 값이", f"{FIRST}{{name}}: 값은", "stale.*mo;"),
}


@pytest.fixture
def locale(tmp_path: Path) -> Path:
    shutil.copytree(messages.LOCALE, tmp_path / "locale")
    return tmp_path / "locale"


@pytest.mark.parametrize("case", DRIFT)
def test_drift_is_found(locale: Path, case: str) -> None:
    old, new, complaint = DRIFT[case]
    path = locale / KO
    before = path.read_text("utf-8")
    path.write_text(replaced(before, old, new), "utf-8")
    if "lacks" in complaint:
        messages.main(only_check=False, locale=locale)  # writes the .mo without it
    assert re.search(complaint, messages.main(only_check=True, locale=locale) or "")


def test_what_is_generated_is_written_again(locale: Path) -> None:
    """A stale .mo and an obsolete message need nobody."""
    path = locale / KO
    before = path.read_bytes(), path.with_suffix(".mo").read_bytes()
    path.with_suffix(".mo").unlink()
    path.write_bytes(before[0] + 'msgid "Gone."\nmsgstr "갔습니다."\n'.encode())
    assert messages.main(only_check=False, locale=locale) is None
    assert (path.read_bytes(), path.with_suffix(".mo").read_bytes()) == before


def test_what_extracts_the_messages_is_not_needed_to_show_them() -> None:
    assert [p for p in PACKAGE.rglob("*.py") if re.search(r"\bbabel\b", p.read_text("utf-8"))] == []


# ---------------------------------------------------------------- which language


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko"}, "ko"),
        ({"LANG": "kok_IN.UTF-8"}, "en"),  # Konkani
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": ""}, "ko"),
    ],
)
def test_the_locale_decides(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.of_the_locale() == expected


# ---------------------------------------------------------------- what a student sees


def notebook(*cells: str) -> str:
    code = [
        {"cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None}
        for c in cells
    ]
    return json.dumps({"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


LAST = "last = out[:, -1]"
HANDED_OVER = "self.rnn(x, (h0, c0))"


def hand_in(folder: Path) -> None:
    """A class with one of each kind of trouble; nothing in it prints or says English of its own."""
    lstm, attention = solution("lstm"), solution("attention")
    states = re.search(r"^ +h0 = .*\n +c0 = .*\n", lstm, re.M)
    assert states
    files = {
        "김안나눔/attention.py": replaced(attention, " / math.sqrt(Q.size(-1))", ""),
        "이두배/lstm.py": replaced(lstm, "self.lin(last)", "self.lin(last) * 2"),
        "박빈파일/lstm.py": "",
        "최이름/lstm.py": replaced(lstm, "class LSTMClassifier", "class LSTMClasifier"),
        "정상태/lstm.py": replaced(lstm.replace(states[0], ""), HANDED_OVER, "self.rnn(x)"),
        "강에러/lstm.py": replaced(lstm, LAST, "raise ValueError(out.shape)"),
        "조종료/lstm.py": replaced(lstm, LAST, "__import__('os')._exit(3)"),
        "윤그림/lstm.py": "import torchvision as tv\n" + replaced(lstm, LAST, "a, b = tv.show"),
        "장모양/lstm.py": replaced(lstm, "return logits", "return [logits]"),
        "임크기/lstm.py": replaced(lstm, "return logits", "return logits[None]"),
        "한끊김/lstm.py": replaced(lstm, LAST, "last = out[:, -1].data"),
        "오노트북/lstm.ipynb": notebook("x = (", lstm),
        "서압축.zip": "no zip",
        "신제목/메모.txt": "",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    with zipfile.ZipFile(folder / "황밖.zip", "w") as archive:
        archive.writestr("../lstm.py", lstm)


@pytest.fixture(scope="module")
def graded(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same class with the same seed in both languages: the folders en and ko."""
    folder = tmp_path_factory.mktemp("graded")
    hand_in(folder / "class")
    for lang in language.LANGUAGES:
        process = run(
            *("grade", "class", "-o", lang, "--seed", "3", "--lang", lang, "--timeout", "5"),
            *("--expect", "lstm"),
            cwd=folder,
        )
        assert (process.returncode, process.stderr) == (0, "")
    return folder


def test_korean_feedback_has_no_english_sentence(graded: Path) -> None:
    """Every paragraph is Korean, those in code blocks too, as nothing was printed."""
    paths = sorted((graded / "ko" / "feedback").glob("*/feedback.md"))
    assert len(paths) == 15
    for path in paths:
        for paragraph in path.read_text("utf-8").split("\n\n"):
            assert HANGUL.search(paragraph), (path, paragraph)
            assert not ENGLISH.search(paragraph), (path, paragraph)


def test_korean_results_for_gradescope_have_no_english_sentence(graded: Path) -> None:
    for path in sorted((graded / "ko" / "feedback").glob("*/results.json")):
        result = json.loads(path.read_text("utf-8"))
        for text in [result["output"], *(test["output"] for test in result["tests"])]:
            assert not text or HANGUL.search(text), (path, text)
            assert not ENGLISH.search(text), (path, text)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("김안나눔", "점수를 √d_K로 나누지 않고 softmax에 넣었습니다(식 1)."),  # the catalogue's
        ("김안나눔", "### ✗ sdpa: 4점 중 0점 (틀림)"),
        ("이두배", "logits의 모든 값이 기대한 값의 2배입니다."),  # evidence
        ("박빈파일", "lstm.py 파일이 비어 있습니다. 실제로 작업한 파일을 제출하세요."),
        ("정상태", "초기 상태 없이 self.rnn을 호출했습니다."),  # the check's, from the worker
        ("강에러", "위치: lstm.py 52번째 줄: raise ValueError(out.shape)"),
        ("조종료", "이 검사에서 프로세스가 스스로 종료했습니다 (종료 코드 3)."),
        ("윤그림", "채점하는 환경에는 torchvision 패키지가 설치되어 있지 않습니다."),
        ("장모양", "logits의 값은 원소가 1개인"),
        ("한끊김", "x까지 그래디언트가 흐르지 않습니다."),
        ("오노트북", "lstm.ipynb, 셀 1 제외: \"'\\(' was never closed\" \\(1번째 줄\\)."),
        ("서압축", "서압축.zip: zip 파일로 읽을 수 없습니다. 다시 압축하세요."),
        ("황밖", "zip 안의 '../lstm.py': zip 밖을 가리킵니다."),
        ("신제목", "채점하지 않은 파일: 메모.txt."),
    ],
)
def test_each_kind_of_message_is_korean(graded: Path, name: str, sentence: str) -> None:
    path = graded / "ko" / "feedback" / name / "feedback.md"
    assert sentence in path.read_text("utf-8").replace("\\_", "_")


def without_texts(out: Path) -> list[dict[str, Any]]:
    """The results without anything that is written for a person, or that is a time."""
    results = [json.loads(line) for line in (out / "results.jsonl").read_text("utf-8").splitlines()]
    for result in results:
        result.update(seconds=0, notes=len(result["notes"]))
        for todo in result["todos"]:
            for name in ("hints", "feedback", "evidence"):
                todo[name] = len(todo[name])
            for check in todo["checks"]:
                check.update(title="", message=bool(check["message"]))
    return results


def test_the_marks_are_the_same_in_both_languages(graded: Path) -> None:
    korean, english = without_texts(graded / "ko"), without_texts(graded / "en")
    assert korean == english
    assert {"failed", "error", "passed"} <= {t["verdict"] for r in korean for t in r["todos"]}
    assert "[가-힣]" not in json.dumps(korean)


def test_english_is_what_it_was(graded: Path) -> None:
    """But for the names of submissions and files, there is nothing Korean in it."""
    for path in sorted((graded / "en" / "feedback").glob("*/feedback.md")):
        _, *paragraphs = path.read_text("utf-8").split("\n\n")
        rest = "\n".join(paragraphs).replace("메모.txt", "").replace(path.parent.name, "")
        assert not HANGUL.search(rest), path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A student's folder with a wrong answer and an untouched Korean stub."""
    folder = tmp_path / "work"
    folder.mkdir()
    for recording in (REPOSITORY / "assignments").glob("*.safetensors"):
        shutil.copy(recording, folder)
    wrong = replaced(solution("attention"), " / math.sqrt(Q.size(-1))", "")
    (folder / "attention.py").write_text(wrong, "utf-8")
    (folder / "lstm.py").write_text(stub("lstm", "ko"), "utf-8")
    return folder


def test_the_terminal_is_korean(run: Run, work: Path) -> None:
    process = run("check", "--lang", "ko", cwd=work)
    assert (process.returncode, process.stderr) == (1, "")
    assert all(HANGUL.search(line) for line in process.stdout.splitlines() if line.strip())
    assert not ENGLISH.search(" ".join(process.stdout.split()))
    for line in (
        "attention  8점 중 4점  (attention.py)",
        "  ✗ sdpa  4점 중 0점  틀림",
        "  ✓ mha  4점 중 4점",
        "  – h0_c0  3점 중 0점  풀지 않음",
    ):
        assert f"\n{line}\n" in f"\n{process.stdout}"
    assert "softmax(Q Kᵀ / √d_K) V. 키가 쿼리보다 많고 d_V ≠ d_K일 때." in process.stdout


def test_a_korean_locale_needs_no_option_and_an_option_wins(run: Run, work: Path) -> None:
    korean = run("check", "lstm.py", cwd=work, LANG="ko_KR.UTF-8")
    assert "6점 중 0점" in korean.stdout
    english = run("check", "lstm.py", "--lang", "en", cwd=work, LANG="ko_KR.UTF-8")
    assert "0 of 6 points" in english.stdout
    assert not HANGUL.search(english.stdout)


def test_what_stops_the_command_is_said_in_korean(run: Run, work: Path) -> None:
    process = run("check", "nix.py", "--lang", "ko", cwd=work)
    assert process.returncode == 2
    assert process.stderr == "autograder: nix.py 파일이 없습니다. 작업 중인 파일을 지정하세요.\n"


@pytest.fixture(scope="module")
def korean() -> Iterator[Warm]:
    """Workers that speak Korean."""
    language.use("ko")
    try:
        with Warm(Course.find(REPOSITORY).check_files) as warm:
            yield warm
    finally:
        language.use("en")


def test_what_is_compared_is_english_in_every_language(korean: Warm, grader: Grader) -> None:
    """Recorded mistakes are English: no diagnosis may hang on the language of an answer."""
    source = replaced(solution("lstm"), "return logits", "return {1: logits}")
    job = Job("lstm", "lstm.py", {"lstm.py": source.encode()})
    checks = {check.id: check for check in grader.assignments["lstm"].checks}
    with Examination(korean, job, 0) as ours, Examination(grader.warm, job, 0) as theirs:
        raised = [one.observe(checks["gradients_of_the_scores"], False) for one in (ours, theirs)]
        observed = [one.observe(checks["scores_for_other_sizes"], False) for one in (ours, theirs)]
    assert isinstance(raised[0], Raised)
    assert raised[0] == raised[1]
    assert raised[0].message.startswith("returned an object of type dict; expected")
    assert raised[0].shown.startswith("돌려준 값은 dict 타입의 객체인데")
    assert all(isinstance(one, Observed) for one in observed)
    values = [one.values["logits"] for one in observed if isinstance(one, Observed)]
    assert values[0] == values[1] == Other("an object of type dict")
    assert [one.shown for one in values if isinstance(one, Other)] == ["dict 타입의 객체", ""]


# ---------------------------------------------------------------- stubs


class Bare(ast.NodeTransformer):
    """Code without docstrings, and placeholders with nothing but their TODO's id."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            del node.body[0]
        if isinstance(node, ast.Constant) and str(node.value).startswith("TODO "):
            node.value = str(node.value).partition(":")[0]
        return super().generic_visit(node)


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_a_korean_stub_is_the_english_one_but_for_what_it_says(name: str) -> None:
    english, korean = (ast.dump(Bare().visit(ast.parse(stub(name, f)))) for f in ("", "ko"))
    assert korean == english
    assert placeholders([stub(name, "ko")]) == placeholders([stub(name)])


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_all_that_a_korean_stub_says_is_korean(name: str) -> None:
    said = [text.says for text in texts(stub(name, "ko"))]
    assert len(said) == len(list(texts(stub(name))))
    assert [text for text in said if ENGLISH.search(text)] == []
    todos = [text for text in said if text.startswith("TODO ")]
    assert len(todos) == len(re.findall("# BEGIN SOLUTION", solution(name)))
    assert all(HANGUL.search(text) for text in todos)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    folder = tmp_path / "course"
    for part in ("assignments", "solutions"):
        shutil.copytree(REPOSITORY / part, folder / part)
    return Course(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "translations/ko.toml",
            "TODO last_step: One vector",
            "TODO last_step: A vector",
            "ko.toml has no text for a comment of lstm: 'TODO last_step: One vector of",
        ),
        (
            "lstm.py",
            "batch_first concerns x and out only.",
            "batch_first concerns x and out.",
            r"ko.toml has a text for what lstm does not say \(any more\): 'batch_first concerns",
        ),
        ("translations/ko.toml", "[[lstm]]\nen = \"An", "[[lstm]]\nin = \"An", "does not hold tables"),
        ("lstm.py", "import torch\n", "import torch,\n", "solution of lstm is not Python"),
    ],
)  # fmt: skip
def test_a_comment_without_korean_is_the_courses_fault(
    grader: Grader, course: Course, file: str, old: str, new: str, complaint: str
) -> None:
    path = course.solutions / file
    path.write_text(replaced(path.read_text("utf-8"), old, new), "utf-8")
    with pytest.raises(CourseError, match=complaint):
        generated(course, {"lstm": grader.assignments["lstm"]})


def test_korean_stubs_are_generated(grader: Grader, course: Course) -> None:
    found = generated(course, {"lstm": grader.assignments["lstm"]})
    assert found[course.assignments / "ko" / "lstm.py"] == stub("lstm", "ko")
