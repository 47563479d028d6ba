"""Breaks the libraries that write a reply: JSON with NaN in it, safetensors that are somebody else's
bytes. A judge that parses them loosely might stumble. It must not work: it refuses them in a sentence.
"""

import json

import safetensors.numpy
from answers import Right as LSTMClassifier

json.dumps = lambda *a, **k: '{"observed": {"logits": NaN, "logits": Infinity}}'
json.JSONEncoder.encode = json.dumps
safetensors.numpy.save = lambda *a, **k: b"\xff" * 100
