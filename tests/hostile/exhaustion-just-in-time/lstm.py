"""Takes almost all the time that it may have, in the import and in every call, so that a class takes hours. The
answer is right. It must not work: all checks together have a deadline too.
"""

import time

from answers import Right

time.sleep(1.5)


class LSTMClassifier(Right):
    def forward(self, x):
        time.sleep(1.5)
        return super().forward(x)
