"""From a result to its figure."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from custvalue.results import Result


@singledispatch
def figure_for(result: Result) -> go.Figure:
    """Return the figure of a result; each result type registers its own."""
    raise NotImplementedError(f"{type(result).__name__} has no figure.")
