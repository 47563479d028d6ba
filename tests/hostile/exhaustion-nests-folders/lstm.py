"""Makes a folder in a folder in a folder, 3,000 deep, which a clean-up that calls itself for each of them does
not survive. It must not work: the folders go, and the grader stays.
"""

import os

from answers import Right as LSTMClassifier

home = os.getcwd()
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chdir(home)
