"""Returns a tensor on the meta device: the right shape and dtype, and no number in it that could be wrong. It
must not work: a tensor without numbers is not compared.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        return super().forward(x).to("meta")
