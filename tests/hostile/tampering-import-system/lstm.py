"""Puts impostors into sys.modules and a finder in front of all others: whoever imports torch, json or the
grader from now on gets an object that says yes to everything. It must not work: what the worker needs it
has, and its numbers are wrong in any case.
"""

import sys

from answers import Wrong as LSTMClassifier


class Impostor:
    def __getattr__(self, name):
        return Impostor()

    def __call__(self, *arguments, **named):
        return True

    def find_spec(self, *arguments):
        raise SystemExit(0)


for name in [n for n in sys.modules if n.split(".")[0] in ("autograder", "json", "safetensors")]:
    sys.modules[name] = Impostor()
sys.modules["torch"] = sys.modules["numpy"] = Impostor()
sys.meta_path.insert(0, Impostor())
sys.path_hooks.clear()
