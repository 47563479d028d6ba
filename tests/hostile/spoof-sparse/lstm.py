"""Returns sparse tensors, of which only what is not zero is there to be compared. It must not work: they are
not ordinary tensors, and not taken.
"""

from answers import Wrong


class LSTMClassifier(Wrong):
    def forward(self, x):
        answer = (super().forward(x) * 0).to_sparse()
        return answer if x.size(0) == 2 else answer.to_sparse_csr()
