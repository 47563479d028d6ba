"""Every promise of SECURITY.md names the test that holds it, and that test exists."""

import re

import pytest

from tests.conftest import REPOSITORY

NAMED = re.findall(r"`(tests/\w+\.py)::(\w+)`", (REPOSITORY / "SECURITY.md").read_text("utf-8"))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_a_promise_names_exists(file: str, test: str) -> None:
    assert f"\ndef {test}(" in (REPOSITORY / file).read_text("utf-8")


def test_every_promise_names_a_test() -> None:
    text = (REPOSITORY / "SECURITY.md").read_text("utf-8")
    promises = text.partition("## At every tier")[2].partition("## The tiers")[0].split("\n- ")[1:]
    assert len(promises) >= 6
    assert [promise for promise in promises if "`tests/test_" not in promise] == []
    assert NAMED
