"""Examine one submission: run its checks in workers, and go on in a fresh one when one dies.

The reference is examined in the same way, in a worker like any other; only what it shows reaches
the judge.
"""

import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from autograder.compare import tolerances
from autograder.course import Assignment, CheckInfo
from autograder.device import unusable
from autograder.errors import CourseError
from autograder.judge import Expected, Reference, failure, not_run
from autograder.language import _
from autograder.limits import DEFAULT, MIB, Limits
from autograder.noticed import Noticed
from autograder.observation import (
    ONLY_ONCE,
    Died,
    NotRun,
    Observation,
    Observed,
    Raised,
    size,
)
from autograder.pool import Imported, Job, Warm, Worker, Workers
from autograder.results import REAL, SIMULATED, TIMEOUT

# Once something ran into its limit, the rest gets this share of it: a submission that hangs
# everywhere shall not use up its whole budget before what works is seen.
PATIENCE = 0.2


class Examination:
    """One submission's assignment under examination. Use as a context manager."""

    def __init__(
        self,
        warm: Workers,
        job: Job,
        seed: int,
        *,
        dtype: str = "float64",
        limits: Limits = DEFAULT,
        device: str | None = None,  # not that of the warm process
    ) -> None:
        self._warm, self._job, self._seed = warm, job, seed
        self._real = (device or warm.device) == REAL
        self._no_gpu = str(warm.summaries[0]["no_gpu"])
        self._once = False  # it can be executed only once in a process: on the GPU in another one
        self._dtype, self._limits = dtype, limits
        self._deadline = time.monotonic() + limits.submission_seconds
        self._share = 1.0
        self._room = limits.kept
        self._seen: dict[tuple[str, bool, int], Observation] = {}
        self._printed: list[str] = []
        self.noticed = Noticed()  # whole once the examination is over
        self._worker = warm.worker(job, limits)
        self._gpu_worker: Worker | None = None
        self.imported: Imported | Raised | Died = self._worker.imported

    def observe(self, check: CheckInfo, apart: bool, rng: int = 0) -> Observation:
        """What the submission shows in a check; `rng` seeds what it draws at random itself."""
        key = check.id, apart, rng
        if key not in self._seen:
            if self._room >= 0:
                self._seen[key] = self._observe(check, apart, rng)
                self._room -= size(self._seen[key])
            if self._room < 0:  # all is kept for the diagnosis, so that the whole must be limited
                sentence = _("what it shows in all checks together is more than {most:g} MiB")
                self._seen[key] = Died("error", sentence.format(most=self._limits.kept / MIB))
        return self._seen[key]

    def _observe(self, check: CheckInfo, apart: bool, rng: int) -> Observation:
        if check.gpu and self._no_gpu and not self._real:
            return NotRun(self._no_gpu)
        left = self._deadline - time.monotonic()
        sentence = _("its {seconds:g} s were used up")
        used_up = Died(TIMEOUT, sentence.format(seconds=self._limits.submission_seconds))
        if left <= 0:
            return used_up
        if check.gpu and (self._real or self._once):
            worker = self._on_gpu()
            if not isinstance(worker.imported, Imported):
                return worker.imported
            left = self._deadline - time.monotonic()
        else:
            if self._worker.died:
                self._renew()
                if not isinstance(self._worker.imported, Imported):
                    sentence = _("it could not be imported a second time")
                    return self._worker.died or Died("error", sentence)
            worker = self._worker
        # On the GPU the module is executed anew.
        most = self._limits.check_seconds + self._limits.import_seconds * check.gpu
        seconds = min(most * self._share, left)
        seen = worker.ask(check.id, self._seed, self._dtype, apart=apart, rng=rng, seconds=seconds)
        if worker is self._gpu_worker and isinstance(seen, Raised) and "CUDA error" in seen.message:
            self._let_gpu_go()  # after an error of its own, CUDA refuses all else in that process
        # The worker's word alone is not enough.
        if self._real and not_run(seen) and (why := unusable(self._warm)):
            sentence = _("The GPU of this machine could not be used ({reason}).")
            return NotRun(sentence.format(reason=why))
        once = check.gpu and isinstance(seen, Raised) and seen.type == ONLY_ONCE
        if once and worker is self._worker:
            self._once = True
            return self._observe(check, apart, rng)
        if isinstance(seen, Died) and seen.verdict == TIMEOUT:
            self._share = PATIENCE
            return used_up if seconds == left else seen
        return seen

    @property
    def printed(self) -> str:
        """What the submission printed, in all its workers."""
        text = "".join([*self._printed, self._worker.printed])
        return text[: self._limits.text]

    def _on_gpu(self) -> Worker:
        """The worker in which the submission is executed on the GPU only.

        With a real one it starts more slowly, which costs the submission nothing.
        """
        if self._gpu_worker is None or self._gpu_worker.died:
            self._let_gpu_go()
            start = time.monotonic()
            job = replace(self._job, on_gpu=not self._real)
            self._gpu_worker = self._warm.worker(job, self._limits, gpu=self._real)
            if self._real:
                self._deadline += min(time.monotonic() - start, self._limits.gpu_start_seconds)
        return self._gpu_worker

    def _let_gpu_go(self) -> None:
        if self._gpu_worker:
            self._gpu_worker.close()
            self.noticed.add(self._gpu_worker.noticed)
            self._gpu_worker = None

    def _renew(self) -> None:
        self._printed.append(self._worker.printed)
        self._close()
        self._worker = self._warm.worker(self._job, self._limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()
        self._let_gpu_go()

    def _close(self) -> None:
        self._worker.close()
        self.noticed.add(self._worker.noticed)


def examine_reference(warm: Warm, assignment: Assignment, source: bytes, seed: int) -> Reference:
    """What the reference shows at a seed, with tolerances. Raises CourseError if it fails a check.

    A check on the GPU that cannot be run here has no entry. What a real GPU computes in another order
    shows beside the simulated one, and so belongs to the tolerance.
    """
    job = Job(assignment.name, f"{assignment.name}.py", {f"{assignment.name}.py": source})
    seen: dict[str, dict[tuple[str, bool], Observed]] = {}
    for dtype, device in (("float64", warm.device), ("float32", SIMULATED)):
        with Examination(warm, job, seed, dtype=dtype, device=device) as examination:
            if not isinstance(examination.imported, Imported):
                raise CourseError(
                    f"the solution of {assignment.name} cannot be imported: "
                    f"{_why(examination.imported)}."
                )
            observations = {
                (check, apart): examination.observe(check, apart)
                for check in assignment.checks
                for apart in (False, True)
                if check.apart or not apart
            }
            seen[dtype] = {
                (check.id, apart): _shown(assignment, check, observation)
                for (check, apart), observation in observations.items()
                if not (check.gpu and not_run(observation))
            }
    return {
        key: Expected(observed, tolerances(observed, seen["float32"].get(key, observed)))
        for key, observed in seen["float64"].items()
    }


def _shown(assignment: Assignment, check: CheckInfo, observation: Observation) -> Observed:
    if isinstance(observation, Observed):
        return observation
    why = observation.reason if isinstance(observation, NotRun) else _why(observation)
    raise CourseError(f"the solution of {assignment.name} fails its own check {check.id}: {why}.")


def _why(observation: Raised | Died) -> str:
    return " ".join(failure(observation).message.split()).rstrip(".")
