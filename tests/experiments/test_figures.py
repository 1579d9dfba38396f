"""Figures: the finding as title, units on axes, the interval drawn is the interval of the table, nothing unescaped."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from custvalue.experiments.looks import looks_of
from custvalue.experiments.opt_in import opt_in_effect
from custvalue.experiments.verdict import does_it_pay


@pytest.fixture
def customers():
    rng = np.random.default_rng(1)
    n = 3_000
    treated = rng.random(n) < 0.5
    segment = np.where(rng.random(n) < 0.5, "<b>far</b>", "near")
    return pl.DataFrame({
        "customer_id": np.arange(n), "arm": treated, "segment": segment, "before": rng.normal(20.0, 5.0, n),
        "contribution": rng.normal(20.0, 6.0, n) + np.where(segment == "near", -2.0, 2.0) * treated,
        "entry_day": rng.integers(0, 20, n),
    })  # fmt: skip


def test_verdict(customers):
    verdict = does_it_pay(customers, segment="segment")
    figure = verdict.plot()
    assert figure.layout.title.text.startswith("Pays only for &lt;b&gt;far")
    assert "per customer and 28 days (0 is break-even)" in figure.layout.xaxis.title.text
    drawn = {s: (x - m, x + p) for t in figure.data
             for s, x, m, p in zip(t.y, t.x, t.error_x.arrayminus, t.error_x.array, strict=True)}  # fmt: skip
    assert set(drawn) == {"all", "&lt;b&gt;far&lt;/b&gt;", "near"}
    for row in verdict.table.to_dicts():
        name = row["segment"].replace("<", "&lt;").replace(">", "&gt;")
        assert drawn[name] == pytest.approx((row["effect_low"], row["effect_high"]), abs=2e-4)
    assert [s.x0 for s in figure.layout.shapes] == [0.0]
    assert {t.name for t in figure.data} == set(verdict.table["decision"])


def test_a_blocked_verdict_says_so_instead_of_drawing(customers):
    figure = does_it_pay(customers.filter("arm"), segment="segment").plot()
    assert len(figure.data) == 0
    assert "both arms" in figure.layout.annotations[0].text


def test_looks_and_overlap(customers):
    looks = looks_of(customers)
    figure = looks.plot()
    assert figure.layout.title.text.startswith(("Undecided", "Decided"))
    assert len(figure.data) == 3
    found = opt_in_effect(customers, covariates=["before"])
    bars = found.plot().data
    assert [sum(b.y) for b in bars] == [found.table["n_control"][0], found.table["n_treated"][0]]


def test_every_result_draws_itself(customers):
    """Each figure has its result's finding as title and names its units."""
    from custvalue.experiments.break_even import break_even
    from custvalue.experiments.design import assign, sample_size
    from custvalue.experiments.long_run import long_run

    verdict = does_it_pay(customers, segment="segment")
    for result in (
        break_even(margin_per_order=10.0, cost_per_order=2.0),
        assign(customers.with_columns(pl.col("customer_id").cast(pl.String)), experiment="x", strata=["segment"]),
        sample_size(customers, before="before", effect=1.0),
        long_run(verdict, retention=0.8),
    ):
        figure = result.plot()
        assert figure.layout.title.text.replace("<br>", " ") == result.title
        assert figure.layout.xaxis.title.text
        assert sum(len(t.y) for t in figure.data) > 0
        assert result._repr_html_()
