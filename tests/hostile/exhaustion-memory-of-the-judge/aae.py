"""Answers every question with as many bytes as one answer may have, of tensors in the smallest type and of empty
lists, which take 25 times their text: each is within its limits, and a judge that keeps them all, so as to
name the mistake, needs gigabytes. It must not work: together they have a limit as well.
"""

import autograder.worker
import numpy
from autograder.limits import DEFAULT
from torch import nn

COUNT = DEFAULT.reply // DEFAULT.tensor
TENSORS = {f"{i}": numpy.zeros(DEFAULT.tensor - 4096, dtype=numpy.int8) for i in range(COUNT)}
TREE = {name: {"tensor": name, "dtype": "int8", "device": "cpu"} for name in TENSORS}
TREE["x"] = [[]] * (DEFAULT.reply_header // 4 - 200)


class Encoder(nn.Module):
    pass


class Decoder(nn.Module):
    pass


class Discriminator(nn.Module):
    pass


autograder.worker.pack = lambda observation: ({"observed": TREE}, TENSORS)
