"""One figure function per result type; one theme. Drawing never computes."""

from custvalue.plots import (  # noqa: F401 - importing registers their figures
    books,
    experiments,
    giving,
    models,
    plan_grid,
    profit,
    service,
)
from custvalue.plots.registry import figure_for

__all__ = ["figure_for"]
