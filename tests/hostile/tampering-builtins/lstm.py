"""Replaces builtins that every line of the worker uses: isinstance, len, all, any, print. It must not
work: only its own process becomes confused.
"""

import builtins

from answers import Wrong as LSTMClassifier

builtins.isinstance = lambda *a: True
builtins.all = builtins.any = lambda *a: True
builtins.len = lambda *a: 1
builtins.print = builtins.open = lambda *a, **k: None
