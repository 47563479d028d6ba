"""Loaded into a warm process by a test: a worker for the real GPU gets one that is simulated.

It is on from before the submission is executed until the worker ends, as a real one is. And /dev/full
is the device of that GPU, of which a locked worker is let through to no other file than it.
"""

from autograder import gpu, lockdown, simulated_gpu, worker


class PretendedGPU(gpu.RealGPU):
    def __init__(self) -> None:
        self.unusable = ""
        self.simulation = simulated_gpu.on()
        self.simulation.__enter__()

    def reset(self, rng: int) -> None:
        pass


worker.RealGPU = PretendedGPU  # type: ignore[misc]
lockdown.gpu_files = lambda: (["/dev/full"], [])
