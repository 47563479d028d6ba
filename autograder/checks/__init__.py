"""The checks of this course, one module an assignment.

Each module names the assignment's public `CLASSES` (with their aliases), the `AXES` of what its
checks observe (for messages), and holds the checks. Other file names that a submission may have
go into `FILES`.
"""
