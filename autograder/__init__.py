"""Grade PyTorch assignments: a check observes, the judge compares."""

__version__ = "0.1.0"
