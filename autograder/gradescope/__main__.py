"""In Gradescope's container: the submission in its folder in, results/results.json out.

What it prints only instructors see. Where it ends otherwise than well, the file that `run_autograder`
wrote before says so.
"""

import json
import secrets
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.grade import Settings, grade
from autograder.language import use
from autograder.limits import DEFAULT, MIB
from autograder.reports.files import write_json
from autograder.reports.gradescope import Lateness, results_json
from autograder.results import Result
from autograder.settings import CourseSettings
from autograder.store import Store

MEMORY = 256 * MIB  # for a submission: the container has 768, and the grader itself needs the rest


@dataclass(frozen=True)
class Metadata:
    """When it was handed in, and when it was due; None where Gradescope does not say."""

    submitted: datetime | None = None
    due: datetime | None = None

    @classmethod
    def read(cls, path: Path) -> "Metadata":
        """From submission_metadata.json; what is missing or makes no sense is None, and said."""
        try:
            fields = json.loads(path.read_bytes())
            return cls(_moment(fields["created_at"]), _moment(fields["assignment"]["due_date"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(
                f"{path} cannot be used ({type(error).__name__}: {error}); nothing counts as late."
            )
            return cls()

    def lateness(self, settings: CourseSettings, assignment: str) -> Lateness | None:
        """What the assignment loses; None when it was in time, or nobody knows."""
        due = settings.deadlines.get(assignment, self.due)
        if self.submitted is None or due is None:
            return None
        percent = settings.late.percent(self.submitted, due)
        return Lateness(percent, due) if percent else None


def main(root: Path) -> int:
    course = Course(root / "source" / "course")
    results: list[Result] = []
    try:
        settings = course.settings
        use(settings.language or "en")
        how = Settings(
            seed=1 + secrets.randbelow(2**31),  # 0 is public
            jobs=1,
            least_tier=settings.require_tier,
            shortcuts_fail=settings.shortcuts == "fail",
            limits=replace(DEFAULT, memory=MEMORY),
        )

        def landed(group: Sequence[Result], count: int) -> None:
            results.extend(group)

        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder, "results.sqlite"))
            grade(course, [("submission", root / "submission")], how, store, landed)
            store.close()
    except AutograderError as error:
        print(f"autograder: {error}")
        return 1
    for result in results:
        print(result.to_line())
    metadata = Metadata.read(root / "submission_metadata.json")
    late = {
        result.assignment: lateness
        for result in results
        if result.assignment and (lateness := metadata.lateness(settings, result.assignment))
    }
    answer = results_json(results, settings, late)
    answer |= _for_gradescope(results, settings, answer)
    write_json(root / "results" / "results.json", answer)
    return 0


def _for_gradescope(
    results: Sequence[Result], settings: CourseSettings, answer: dict[str, Any]
) -> dict[str, Any]:
    """What the course wants there besides: a leaderboard, and evidence for instructors."""
    more: dict[str, Any] = {}
    if settings.gradescope.leaderboard:
        board = {"name": "points", "value": answer["score"], "order": "desc"}
        more["leaderboard"] = [board]
    if settings.gradescope.evidence:
        evidence = {
            "name": "Evidence, for instructors only",
            "status": "passed",
            "score": 0.0,
            "max_score": 0.0,
            "visibility": "hidden",
            "extra_data": {"results": [result.to_json() for result in results]},
        }
        more["tests"] = [*answer["tests"], evidence]
    return more


def _moment(text: Any) -> datetime | None:
    """A moment as Gradescope writes it. Raises ValueError for one without its time zone."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
