"""What the README shows is what its commands print."""

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import REPOSITORY

Run = Callable[..., CompletedProcess[str]]
README = (REPOSITORY / "README.md").read_text("utf-8")
SHOWN = [
    (command, output)
    for block in re.findall(r"```console\n(.*?)```", README, re.S)
    for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.M)
]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def test_the_first_screen_is_the_output_of_make_demo(run: Run, tmp_path: Path) -> None:
    demo = (REPOSITORY / "Makefile").read_text("utf-8").partition("demo: ")[2].split("\n")[1]
    arguments = demo.partition("autograder ")[2].split()
    (tmp_path / "tests").symlink_to(REPOSITORY / "tests")
    done = run(*arguments, cwd=tmp_path, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert SHOWN[0] == ("make demo", SHOWN[0][1])
    assert lines(SHOWN[0][1]) == lines(done.stdout)


@pytest.mark.parametrize(
    ("command", "output"), [item for item in SHOWN if item[0].startswith("autograder check")]
)
def test_a_check_prints_what_the_readme_shows(run: Run, command: str, output: str) -> None:
    done = run(*command.split()[1:], cwd=REPOSITORY, COLUMNS="80")
    assert lines(output) == lines(done.stdout)


def test_the_commands_of_the_readme_exist(run: Run, tmp_path: Path) -> None:
    named = set(re.findall(r"`(?:\$ )?autograder ([a-z]+)", README))
    assert {"check", "grade", "doctor", "stubs", "record"} <= named
    help_text = run("--help", cwd=tmp_path).stdout
    assert [name for name in named if f"\n  {name} " not in help_text] == []
