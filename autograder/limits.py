"""How much a submission may use, in one place."""

from dataclasses import dataclass

KIB, MIB, GIB = 2**10, 2**20, 2**30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds are wall-clock seconds; sizes are bytes."""

    import_seconds: float = 10
    check_seconds: float = 10
    gpu_start_seconds: float = 60  # more, for the first use of a real GPU
    submission_seconds: float = 60
    memory: int = 2 * GIB  # beyond the warm process; of a real GPU, as much again
    driver: int = 2 * GIB  # more, for what CUDA keeps in the memory of a process
    written_file: int = 64 * MIB
    written_files: int = 4096  # and folders
    output: int = 64 * KIB
    # The largest that known mistakes send: 0.1 MiB in one reply, 1 KiB of it in the header, and 0.3 MiB
    # in all. The judge holds a few replies at once, and a header takes 25 times its size once parsed.
    reply: int = 4 * MIB
    reply_header: int = 256 * KIB
    tensor: int = 1 * MIB
    kept: int = 16 * MIB  # of the answers to all checks, as long as a submission is graded
    tensors: int = 1024  # in one reply
    text: int = 2000  # characters of a student's text that are shown
    python_file: int = 1 * MIB
    notebook: int = 20 * MIB
    archive: int = 100 * MIB  # inflated
    searched: int = 100 * MIB  # of code, for what it is; see `search` for what counts more
    entries: int = 1000  # in an archive or folder
    class_entries: int = 200_000  # in the zip of a class; each student's part is held to the above
    metadata: int = 64 * MIB  # what a platform's list of submitters may take


DEFAULT = Limits()
