"""Names of columns and files as people write them: `OrderID`, `order_id` and `Order ID` are one name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def plain(name: str) -> str:
    """Return a name without capitals, blanks, hyphens and underscores.

    Examples
    --------
    >>> plain("Order-Details "), plain("OrderDetails")
    ('orderdetails', 'orderdetails')
    """
    return re.sub(r"[\s_-]+", "", name.casefold())


def find_column(name: str, columns: Iterable[str]) -> str | None:
    """Find a column by its name to the letter, or else the only one that is the same name written otherwise."""
    listed = list(columns)
    if name in listed:
        return name
    alike = [column for column in listed if plain(column) == plain(name)]
    return alike[0] if len(alike) == 1 and plain(name) else None
