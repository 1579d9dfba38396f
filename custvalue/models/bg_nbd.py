"""BG/NBD: Fader, Hardie & Lee (2005), Marketing Science 24(2), 275-284."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from custvalue.models.beta_geometric import BetaGeometricNbd


@dataclass(frozen=True)
class BgNbd(BetaGeometricNbd):
    """BG/NBD: a customer can leave after each *repeat* purchase.

    So a customer who bought once is alive with probability 1 by construction, however long ago that
    was; where one-time buyers matter use `MbgNbd` or `ParetoNbd`.

    Examples
    --------
    >>> m = BgNbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> float(m.expected_purchases_new(52).round(4))
    1.4461
    """

    label: ClassVar[str] = "BG/NBD"
    first_coin: ClassVar[int] = 0
