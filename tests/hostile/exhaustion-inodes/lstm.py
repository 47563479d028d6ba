"""Makes 20,000 empty files in its home, so that the disk has room but no file can be made, and clearing up
takes long. It must not work: a home has a number of files, and it is removed.
"""

import os

from answers import Right as LSTMClassifier

os.mkdir("many")
for number in range(20_000):
    os.close(os.open(f"many/{number}", os.O_CREAT | os.O_WRONLY))
