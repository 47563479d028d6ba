"""Writes an observation for every check to the judge's channel before anything is asked, with zeros
in the right shapes, and then exits. If a worker's word counted, it would need no model. It must not
work: the judge compares the numbers, and these are not the reference's.
"""

import os

import loot
import numpy
import safetensors.numpy

os.write(3, loot.frame('{"imported": true, "placeholders": [], "notes": []}'))
for shape in [(2, 4), (5, 6), (6, 7, 5), (2, 4)]:
    tensors = safetensors.numpy.save({"0": numpy.zeros(shape)})
    value = '{"tensor": "0", "dtype": "float64", "device": "cpu"}'
    names = ("logits", "h0", "c0", "out of self.rnn", "gradient of x")
    tree = ", ".join(f'"{name}": {value}' for name in names)
    os.write(3, loot.frame(f'{{"observed": {{{tree}}}}}', tensors))
