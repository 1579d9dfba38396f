"""What a bundle of measures does: draws of its effects on the log scale, with the overlap stated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHANNELS = ("d_log_rate", "d_log_dropout", "d_log_spend", "d_referral")
"""Channels that are valued; returns and price stay out until their money per customer is known."""
EVERYBODY = "all"


@dataclass(frozen=True)
class Effect:
    """Draws of one measure's effect for one segment.

    Attributes
    ----------
    draws
        Channel → array of draws.
    is_measured
        Whether every draw comes from a measurement.
    """

    draws: Mapping[str, Floats]
    is_measured: bool


@dataclass(frozen=True)
class BundleEffect:
    """Draws of a bundle's effect, and what they rest on.

    Attributes
    ----------
    draws
        Channel → array of draws, log scale (referral: new customers per customer and year).
    stated
        Measures of the bundle whose effect is stated, with whether it was measured.
    """

    draws: Mapping[str, Floats]
    stated: Mapping[str, bool]


class Effects:
    """Stated and measured effects by measure and segment.

    Parameters
    ----------
    table
        `effect_draws`: `measure_id`, `segment` (or `all`), `draw`, the channels, `provenance`.
    overlap_weight
        Weight of every measure but the strongest in a channel: a bundle's effect is not the sum of the
        effects its measures have alone.
    """

    def __init__(self, table: pl.DataFrame, *, overlap_weight: float = 0.5) -> None:
        self.overlap_weight = overlap_weight
        self.n_draws = 1
        self._by_key: dict[tuple[str, str], Effect] = {}
        ordered = table.sort("measure_id", "segment", "draw")
        for (measure, segment), rows in ordered.group_by("measure_id", "segment", maintain_order=True):
            draws = {c: rows[c].cast(pl.Float64).fill_null(0.0).to_numpy() for c in CHANNELS}
            measured = bool((rows["provenance"] == "measured").all())
            self._by_key[(str(measure), str(segment))] = Effect(draws, measured)
            self.n_draws = max(self.n_draws, rows.height)

    def of(self, measure: str, segment: str) -> Effect | None:
        """Return the effect for a segment, else the one for everybody, else None."""
        return self._by_key.get((measure, segment)) or self._by_key.get((measure, EVERYBODY))

    def bundle(self, measures: Iterable[str], segment: str) -> BundleEffect:
        """Combine measures: in each channel the strongest counts whole, every other one in part.

        Draws are combined one by one; a measure with fewer draws than the longest repeats them.
        """
        found = {m: e for m in sorted(measures) if (e := self.of(m, segment)) is not None}
        draws = {}
        for channel in CHANNELS:
            columns = [np.resize(e.draws[channel], self.n_draws) for e in found.values()]
            strength = np.array([-abs(float(c.mean())) for c in columns])
            weights = np.full(len(columns), self.overlap_weight)
            if columns:
                weights[np.argmin(strength)] = 1.0
            draws[channel] = sum((w * c for w, c in zip(weights, columns, strict=True)), np.zeros(self.n_draws))
        return BundleEffect(draws, {m: e.is_measured for m, e in found.items()})
