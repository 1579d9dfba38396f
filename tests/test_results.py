"""What every result shares: its table as HTML, with titles, notes and cells escaped exactly once."""

from __future__ import annotations

import html
from dataclasses import dataclass

import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.results import Result

TYPED = "today's <script>alert(1)</script> & co"


@dataclass(frozen=True, kw_only=True)
class Typed(Result):
    """A result with a title, an assumption and a cell that a customer typed."""

    said: str

    @property
    def title(self) -> str:
        return f"Says {self.said}"


@pytest.fixture
def page():
    return Typed(table=pl.DataFrame({"who": [TYPED], "share": [0.25]}), said=TYPED)._repr_html_()


def test_what_was_typed_is_escaped_once(page):
    """Once: a browser shows it as it was typed, and nothing of it is an element."""
    assert "<script>alert" not in page
    assert "&amp;#x27;" not in page
    assert "&amp;amp;" not in page
    assert html.unescape(page).count(TYPED) == 3  # title, cell, note


def test_a_column_that_is_not_there():
    with pytest.raises(DataError, match="no column 'where'"):
        Typed(table=pl.DataFrame({"who": ["a"]}), said="").to_gt(columns=["where"])


def test_yes_and_no_are_words():
    table = pl.DataFrame({"is_worse": [True, False, None]})
    page = Typed(table=table, said="")._repr_html_()
    assert [page.count(f">{word}</td>") for word in ("yes", "no", "–", "True")] == [1, 1, 1, 0]
