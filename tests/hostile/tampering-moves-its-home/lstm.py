"""Moves its own folder away, so that what it left there is not found, and puts a file in its place, which no
one can remove as a folder. It must not work: the folder above belongs to the judge.
"""

import os

import loot
from answers import Right as LSTMClassifier

home = os.getcwd()
nest = os.path.dirname(home)
loot.attempt(
    lambda: os.rename(home, f"{nest}-autograder-hostile"),
    lambda: os.rename(home, f"{nest}/removed 0"),
    lambda: os.rename(nest, f"{nest}-autograder-hostile"),
    lambda: os.close(os.open(f"{nest}/autograder-hostile", os.O_CREAT)),
    lambda: os.close(os.open(home, os.O_CREAT | os.O_WRONLY)),
)
