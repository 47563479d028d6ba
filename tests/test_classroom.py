"""The hand-out's workflow for GitHub Classroom: its own shell step, run as the runner does it."""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import REPOSITORY, SUBMISSIONS
from tests.test_check_command import copy_handout
from tests.test_grade_command import strict_json

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its runner is a Linux")
WORKFLOW = yaml.safe_load(
    (REPOSITORY / "student_template" / ".github" / "workflows" / "classroom.yml").read_text("utf-8")
)
STEPS = WORKFLOW["jobs"]["check"]["steps"]
[STEP] = [step for step in STEPS if step.get("id")]
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "status", "max_score", "tests"],
    "properties": {
        "version": {"const": 3},
        "status": {"enum": ["pass", "fail", "error"]},
        "max_score": {"type": "number"},
        "tests": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "status": {"enum": ["pass", "fail", "error"]},
                    "message": {"type": "string"},
                    "test_code": {"type": "string"},
                    "task_id": {"type": "integer"},
                    "filename": {"type": "string"},
                    "line_no": {"type": "integer"},
                    "duration": {"type": "number"},
                    "score": {"type": "number"},
                },
                "required": ["name", "status", "message", "score"],
            },
        },
    },
}


@pytest.fixture
def handout(tmp_path: Path) -> Path:
    folder = tmp_path / "week-5-kim"
    copy_handout(folder)
    return folder


def run_step(folder: Path, seconds: int = 600) -> dict[str, Any]:
    """The result that the step hands to the reporter."""
    output = folder.parent / "github_output"
    output.touch()
    script = STEP["run"].replace("timeout 600", f"timeout {seconds}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "GITHUB_OUTPUT": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [encoded] = re.findall(r"^result=(\S+)$", output.read_text(), re.M)
    result = strict_json(base64.b64decode(encoded).decode())
    jsonschema.validate(result, SCHEMA)
    assert isinstance(result, dict)
    return result


def test_the_reporter_reads_what_the_step_writes() -> None:
    [reporter] = [step for step in STEPS if "autograding-grading-reporter" in step.get("uses", "")]
    assert reporter["with"] == {"runners": STEP["id"]}
    name = f"{STEP['id'].upper()}_RESULTS"
    assert reporter["env"] == {name: f"${{{{ steps.{STEP['id']}.outputs.result }}}}"}


def test_a_push_gets_the_points_of_each_todo(handout: Path) -> None:
    shutil.copy(SUBMISSIONS / "song_hyunwoo" / "attention.py", handout)
    shutil.copy(REPOSITORY / "solutions" / "lstm.py", handout)
    result = run_step(handout)
    assert (result["status"], result["max_score"]) == ("fail", 31)
    tests = {test["name"]: test for test in result["tests"]}
    assert len(tests) == 14
    assert sum(test["score"] for test in result["tests"]) == 4 + 6
    assert tests["attention: sdpa"]["status"] == "fail"
    assert "without the division by √d_K" in tests["attention: sdpa"]["message"]
    assert tests["attention: mha"]["status"] == tests["lstm: h0_c0"]["status"] == "pass"
    assert tests["attention: mha"]["filename"] == "attention.py"
    assert tests["attention: mha"]["message"] == ""


def test_a_complete_push_passes(handout: Path) -> None:
    for path in handout.glob("*.py"):
        shutil.copy(REPOSITORY / "solutions" / path.name, handout)
    result = run_step(handout)
    assert result["status"] == "pass"
    assert sum(test["score"] for test in result["tests"]) == result["max_score"] == 31


def test_a_timeout_still_has_a_result(handout: Path) -> None:
    (handout / "aae.py").write_text("while True: pass\n")
    result = run_step(handout, seconds=8)  # an import has 10
    assert (result["status"], result["max_score"]) == ("error", 0)
    assert "did not come to an end" in result["tests"][0]["message"]


def test_nothing_to_check_still_has_a_result(handout: Path) -> None:
    for path in handout.glob("*.py"):
        path.unlink()
    assert run_step(handout)["status"] == "error"
