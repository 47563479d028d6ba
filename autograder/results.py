"""What is known of a submission once it was judged: frozen data, and its JSON lines.

Every report only reads this. The format is relied on from outside; see `Result.to_json`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.errors import UsageError

PASSED = "passed"
FAILED = "failed"
NOT_ATTEMPTED = "not attempted"
ERROR = "error"
TIMEOUT = "timeout"
OUT_OF_MEMORY = "out of memory"
CRASHED = "crashed"
NOT_RUN = "not run"
REAL, SIMULATED = "real", "simulated"  # GPUs
UNFINISHED = (TIMEOUT, OUT_OF_MEMORY, CRASHED)  # what may hang on the machine and its load

LISTS = ("carried_from", "diagnosis", "hints", "feedback", "evidence")  # of a TodoResult


@dataclass(frozen=True)
class CheckResult:
    """`message` is what went wrong, or (of a check that passed) a remark; "" when there is neither.

    A check that could not be run here (`ran` is false) neither passed nor failed, and `message` says
    why. Its points are those of the TODO's other checks; but where it is the submission that made it so,
    they are `withheld`, until somebody has looked.
    """

    id: str
    title: str
    passed: bool
    message: str = ""
    ran: bool = True
    withheld: bool = False


@dataclass(frozen=True)
class TodoResult:
    """One TODO. `carried_from`: other TODOs that are wrong, and cost this one nothing.

    `diagnosis` holds the ids of the mistakes that were found, `hints` and `feedback` what to say of
    each. `undecided`: it is one of them, not all. `evidence` is what is certain of an answer that
    matches no known mistake.
    """

    id: str
    score: float
    max_score: float
    verdict: str
    checks: tuple[CheckResult, ...]
    carried_from: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()
    undecided: bool = False
    hints: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "score": self.score,
            "max_score": self.max_score,
            "verdict": self.verdict,
            "carried_from": list(self.carried_from),
            "diagnosis": list(self.diagnosis),
            "undecided": self.undecided,
            "hints": list(self.hints),
            "feedback": list(self.feedback),
            "evidence": list(self.evidence),
            "checks": [vars(check) for check in self.checks],
        }


@dataclass(frozen=True)
class Shortcut:
    """A line that uses what `todos` ask to write. `called`: while a check of them ran; else no check
    was seen to call it, and it stands in the text only. Without a file, no line is known.
    """

    name: str
    file: str
    line: int
    called: bool
    todos: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "todos": list(self.todos)}


@dataclass(frozen=True)
class Attempt:
    """What no answer needs was tried; with a file, where first. It need not be meant badly."""

    what: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Student:
    """Who handed it in, as the platform names them; `ids` by what they are ids of ("canvas", "sid").

    `late` is None where the platform does not say; `submitted` is ISO 8601, or "". Of a group,
    `members` are all who get the result.
    """

    name: str
    ids: Mapping[str, str] = field(default_factory=dict)
    late: bool | None = None
    submitted: str = ""
    members: "tuple[Student, ...]" = ()

    def to_json(self) -> dict[str, Any]:
        """What is known: the rest is left out."""
        known: dict[str, Any] = {"name": self.name, "ids": dict(self.ids)}
        if self.late is not None:
            known["late"] = self.late
        if self.submitted:
            known["submitted"] = self.submitted
        if self.members:
            known["members"] = [member.to_json() for member in self.members]
        return known

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Student":
        fields = {**fields}
        fields["members"] = tuple(map(cls.from_json, fields.get("members", ())))
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One assignment of one submission; `assignment` is None where there was nothing to grade."""

    submission: str
    assignment: str | None
    score: float = 0.0
    max_score: float = 0.0
    seed: int
    seconds: float = 0.0
    todos: tuple[TodoResult, ...] = ()
    source: str = ""  # the file that was graded
    device: str = ""  # on which GPU: "simulated", "real", or "" if on none
    tier: str = "E"  # of isolation, as it was proven: see SECURITY.md
    notes: tuple[str, ...] = ()  # what a student should know besides the marks
    output: str = ""  # what the submission printed, cut
    shortcuts: tuple[Shortcut, ...] = ()  # for the TA
    attempts: tuple[Attempt, ...] = ()  # for the TA
    grader_error: str = ""  # the grader broke: no mark may rest on this result
    diagnosis_error: str = ""  # naming the mistakes broke: the marks stand
    versions: Mapping[str, str] = field(default_factory=dict)  # of what graded it
    digests: Mapping[str, str] = field(default_factory=dict)  # of what decided it; see `origin`
    student: Student | None = None  # where a platform says whose it is

    @property
    def steady(self) -> bool:
        """Whether it would be the same again: nothing of ours broke, and no clock decided it."""
        broke = self.grader_error or self.diagnosis_error
        return not broke and not any(todo.verdict in UNFINISHED for todo in self.todos)

    def to_json(self) -> dict[str, Any]:
        """The object of one line of results.jsonl."""
        line: dict[str, Any] = {
            "submission": self.submission,
            "assignment": self.assignment,
            "score": self.score,
            "max_score": self.max_score,
            "seed": self.seed,
            "device": self.device,
            "tier": self.tier,
            "seconds": round(self.seconds, 3),
            "todos": [todo.to_json() for todo in self.todos],
            "source": self.source,
            "notes": list(self.notes),
            "output": self.output,
            "shortcuts": [shortcut.to_json() for shortcut in self.shortcuts],
            "attempts": [vars(attempt) for attempt in self.attempts],
        }
        if self.versions:
            line["versions"] = dict(self.versions)
        if self.digests:
            line["digests"] = dict(self.digests)
        if self.grader_error:
            line["grader_error"] = self.grader_error
        if self.diagnosis_error:
            line["diagnosis_error"] = self.diagnosis_error
        if self.student:
            line["student"] = self.student.to_json()
        return line

    def to_line(self) -> str:
        text = json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False)
        # Half a surrogate pair, as in a name of bytes that are no text, cannot be written.
        return text.encode("utf-8", "replace").decode()

    @classmethod
    def from_line(cls, line: str) -> "Result":
        """The inverse of `to_line`. Raises ValueError, KeyError or TypeError for anything else."""
        fields = json.loads(line)
        todos = tuple(
            TodoResult(
                **{
                    **todo,
                    "checks": tuple(CheckResult(**check) for check in todo["checks"]),
                    **{name: tuple(todo[name]) for name in LISTS},
                }
            )
            for todo in fields["todos"]
        )
        more = {
            "todos": todos,
            "notes": tuple(fields["notes"]),
            "shortcuts": tuple(
                Shortcut(**{**shortcut, "todos": tuple(shortcut["todos"])})
                for shortcut in fields["shortcuts"]
            ),
            "attempts": tuple(Attempt(**attempt) for attempt in fields["attempts"]),
            "student": Student.from_json(fields["student"]) if "student" in fields else None,
        }
        return cls(**{**fields, **more})


def load(path: Path) -> list[Result]:
    """The results of a results.jsonl, without a last line that a kill cut off. Raises UsageError."""
    *lines, rest = path.read_bytes().split(b"\n")
    try:
        found = [Result.from_line(line.decode()) for line in lines]
        with suppress(json.JSONDecodeError, UnicodeDecodeError):
            found.append(Result.from_line(rest.decode()))
        return found
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} is not what this version writes; give another folder, or grade the class anew."
        ) from None


def total(scores: list[float]) -> float:
    """A sum of points, without the dust of binary fractions."""
    return round(float(sum(scores)), 6)
