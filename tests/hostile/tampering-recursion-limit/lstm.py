"""Sets the recursion limit to a thousand million in one check and to next to nothing in another, so that
the worker's own code overflows its stack or cannot run. The answer is right. It must not work: the limit
is set anew around each check.
"""

import sys

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        answer = super().forward(x)
        for limit in range(10**9 if x.size(0) == 2 else 1, 10**9 + 1, 1):
            try:
                sys.setrecursionlimit(limit)
                break
            except RecursionError:
                pass
        return answer
