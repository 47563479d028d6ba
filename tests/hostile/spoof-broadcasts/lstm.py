"""Returns tensors of the wrong shape that broadcast against the right one: one entry, none at all, an axis of
one. A comparison that broadcasts finds no entry that differs. It must not work: shapes come first.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        answer = super().forward(x)
        return {2: answer[:0], 5: answer[:, :1], 6: answer.mean()}.get(x.size(0), answer[None])
