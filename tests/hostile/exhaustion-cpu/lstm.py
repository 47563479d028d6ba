"""Computes for ever. The others would wait for ever. It must not work: a check has a deadline."""

from answers import Right


class LSTMClassifier(Right):
    def forward(self, x):
        while True:
            x = x * 1.0001
