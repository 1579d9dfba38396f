"""One figure function per result type; one theme. Drawing never computes."""

from custvalue.plots import books, experiments, models, profit, service  # noqa: F401 - importing registers their figures
from custvalue.plots.registry import figure_for

__all__ = ["figure_for"]
