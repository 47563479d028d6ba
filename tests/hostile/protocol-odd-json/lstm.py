"""Sends JSON that parsers disagree about: NaN, numbers with 5,000 digits, keys twice, half characters, bytes
that are no UTF-8. It must not work: all of it is refused.
"""

import os

import loot
from answers import Right

ODD = [
    '{"observed": {"logits": NaN}}',
    '{"observed": {"logits": %s}}' % ("9" * 5000),
    '{"observed": {"logits": 1e999}}',
    '{"observed": {}, "observed": {"h0": 1}}',
    '{"observed": {"logits": "\\ud800"}}',
]


class LSTMClassifier(Right):
    asked = 0

    def forward(self, x):
        frame = loot.frame(ODD[(x.size(0) + x.size(1)) % 5])
        os.write(3, frame.replace(b"observed", b"obs\xff\xfeved") if x.size(2) == 3 else frame)
        os._exit(0)
