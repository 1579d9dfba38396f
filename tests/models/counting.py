"""How often a fit evaluates its likelihood."""

from __future__ import annotations


def counting(model):
    """Return the same model, with `evaluations`: how often its likelihood was evaluated."""

    class Counting(model):
        evaluations = 0

        @classmethod
        def objective(cls, data):
            inner = super().objective(data)

            def counted(theta, gradient=True):
                Counting.evaluations += 1
                return inner(theta, gradient)

            return counted

    return Counting
