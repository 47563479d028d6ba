"""What goes wrong outside a student's answer. Each is one sentence: what happened, and what to do.

AutograderError
├── UsageError       the command was called with something that cannot work (exit status 2)
├── CourseError      the course is at fault: a check, a solution, a recording (exit status 2)
└── GraderError      the grader itself broke; no mark may rest on it (exit status 1)

What goes wrong *inside* an answer is never an exception of ours: it is an observation (`Raised`,
`Died`) or a refused submission (`submission.Refused`), and ends as a verdict.
"""


class AutograderError(Exception):
    """Base class: `str()` of it is the sentence to show."""


class UsageError(AutograderError):
    """The command cannot work on what it was given."""


class CourseError(AutograderError):
    """The course (solutions, checks, generated files) is at fault."""


class GraderError(AutograderError):
    """The grader is at fault."""
