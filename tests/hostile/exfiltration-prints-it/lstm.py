"""Prints what it found in every way that reaches the feedback: on both streams, as a warning, in a class's
name, in an error with a cause and notes, forwards, backwards and in hexadecimal. Printing is allowed; that
there is something to print is not: it must have found nothing.
"""

import os
import warnings

import loot
from answers import Right

loot.look_around()
text = loot.loot().decode()
os.write(1, text.encode())
os.write(2, text[::-1].encode())
print(text.encode().hex())
warnings.warn(text)


class LSTMClassifier(Right):
    def forward(self, x):
        error = type(text.replace(" ", "_")[:99], (Exception,), {})(text)
        error.add_note(text)
        raise error from ValueError(text)
