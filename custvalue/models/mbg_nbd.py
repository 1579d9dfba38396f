"""MBG/NBD: Batislam, Denizel & Filiztekin (2007), Int. J. of Research in Marketing 24(3), 201-209."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from custvalue.models.beta_geometric import BetaGeometricNbd


@dataclass(frozen=True)
class MbgNbd(BetaGeometricNbd):
    """MBG/NBD: a customer can leave after every purchase, the first one included.

    Examples
    --------
    >>> m = MbgNbd(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> float(m.probability_alive(0, 0, 38.86).round(3))
    0.39
    """

    label: ClassVar[str] = "MBG/NBD"
    first_coin: ClassVar[int] = 1
    advice: ClassVar[str] = "Fit Nbd, the same without dropout, or take a longer history or more customers."
