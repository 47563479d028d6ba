"""JUnit XML of a graded class, in pytest's xunit2 family: a suite for each submission's assignment.

A wrong answer is a failure; where the grader is at fault it is an error.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

from autograder.language import _
from autograder.reports.files import carried, named, not_run
from autograder.reports.terminal import without_markup
from autograder.reports.text import one_line, plain
from autograder.results import CheckResult, Result, TodoResult

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(landed: Sequence[Result]) -> str:
    """The document; the checks are its test cases, and the class of each is its TODO."""
    root = ElementTree.Element("testsuites", name="autograder")
    for result in landed:
        root.append(_suite(result))
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return data.decode() + "\n"


def _suite(result: Result) -> ElementTree.Element:
    name = f"{result.submission}/{result.assignment}" if result.assignment else result.submission
    suite = ElementTree.Element("testsuite", name=_text(one_line(name)))
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _facts(result).items():
        ElementTree.SubElement(properties, "property", name=_text(key), value=_text(value))
    cases = [_case(result, todo, check) for todo in result.todos for check in todo.checks]
    suite.extend(cases or [_nothing(result)])
    if said := plain("\n".join([*result.notes, result.output]).strip()):
        ElementTree.SubElement(suite, "system-out").text = _text(said)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("time", f"{result.seconds:.3f}")
    return suite


def _facts(result: Result) -> dict[str, str]:
    """What stands beside the tests: points, and whose they are."""
    facts = {"score": f"{result.score:g}", "max_score": f"{result.max_score:g}"}
    for todo in result.todos:
        facts[f"{todo.id}.score"] = f"{todo.score:g}"
        facts[f"{todo.id}.max_score"] = f"{todo.max_score:g}"
    if result.student:
        facts |= {"student": one_line(result.student.name)}
        facts |= {f"id.{kind}": one_line(id) for kind, id in result.student.ids.items()}
    return facts


def _case(result: Result, todo: TodoResult, check: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_text(f"{result.assignment}.{todo.id}"), name=_text(check.id)
    )
    if result.grader_error:
        error = ElementTree.SubElement(case, "error", message=_text(one_line(check.message)))
        error.text = _text(plain(result.grader_error))
    elif not check.ran:
        [told] = not_run(replace(todo, checks=(check,)))
        ElementTree.SubElement(case, "skipped", message=_text(one_line(told)))
    elif not check.passed:
        said = [*map(without_markup, named(todo)), check.message]
        said.append(_("Checked: {title}").format(title=check.title))
        failure = ElementTree.SubElement(
            case, "failure", message=_text(one_line(check.message)), type=todo.verdict
        )
        failure.text = _text(plain("\n".join(filter(None, said))))
    elif kept := carried(todo):
        ElementTree.SubElement(case, "system-out").text = _text("\n".join(kept))
    return case


def _nothing(result: Result) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="autograder", name="nothing to grade")
    ElementTree.SubElement(case, "skipped", message=_text(one_line(" ".join(result.notes))))
    return case


def _text(text: str) -> str:
    """Without what XML cannot hold, escaped or not."""
    return NOT_XML.sub("�", text)
