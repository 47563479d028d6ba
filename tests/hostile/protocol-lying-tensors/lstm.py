"""Sends tensors that lie about themselves: a shape of 2^62, offsets that overlap or lead outside, 5,000 empty
ones. Some libraries believe it. It must not work: the header is checked before the library sees it.
"""

import json
import os

import loot
from answers import Right


def lie(shape, start, end, count=1):
    entry = {"dtype": "F64", "shape": shape, "data_offsets": [start, end]}
    header = json.dumps({str(n): entry for n in range(count)}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(64)


LIES = [lie([0, 2**62], 0, 0), lie([8], 0, 64, 2), lie([8], 8, 72), lie([0], 0, 0, 5000), lie([-8], 64, 0)]


class LSTMClassifier(Right):
    def forward(self, x):
        value = '{"tensor": "0", "dtype": "float64", "device": "cpu"}'
        lies = LIES[(x.size(0) + x.size(1)) % 5]
        os.write(3, loot.frame(f'{{"observed": {{"logits": {value}, "h0": {value}}}}}', lies))
        os._exit(0)
