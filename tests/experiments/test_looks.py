"""Looks at a running test: the log, and an interval that is valid for how it was looked at."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from custvalue.errors import DataError
from custvalue.experiments.looks import LOG, looks_of
from custvalue.experiments.verdict import does_it_pay


class LoggingShop:
    """A shop that keeps results, as the warehouse does."""

    def __init__(self, customers: pl.DataFrame) -> None:
        self.customers = customers
        self.kept: dict[str, pl.DataFrame] = {}

    def fetch(self, relation, **parameters):
        if relation == "experiments":
            return pl.DataFrame(
                {
                    "name": ["free_delivery"],
                    "design": ["rct"],
                    "planned_share": [0.5],
                    "outcome_days": [28],
                    "return_days": [14],
                    "eligible_customers": [50_000],
                    "planned_looks": [1],
                    "ends": [dt.date(2026, 2, 28)],
                }
            )
        if relation in self.kept:
            return self.kept[relation]
        if relation == "experiment_customers":
            return self.customers
        raise DataError(f"There is no relation {relation}.")

    def store(self, name, table):
        self.kept[name] = table


def customers(n: int, seed: int = 1) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "arm": np.where(treated, "treatment", "control"),
            "segment": ["all of them"] * n,
            "contribution": rng.normal(10.0, 5.0, n),
            "pre_contribution": rng.normal(10.0, 5.0, n),
            "n_arms": [1] * n,
            "is_mature": [True] * n,
        }
    )


def test_every_look_is_logged_once_and_changes_the_interval():
    shop = LoggingShop(customers(2_000))
    first = does_it_pay(shop, experiment="free_delivery")
    again = does_it_pay(shop, experiment="free_delivery")
    assert (first.looks, again.looks) == (1, 1)
    assert first.interval == again.interval == "fixed"
    assert shop.kept[LOG].height == 1
    shop.customers = customers(3_000)
    second = does_it_pay(shop, experiment="free_delivery")
    assert (second.looks, second.interval) == (2, "always-valid")
    log = shop.kept[LOG]
    assert log["look"].to_list() == [1, 2]
    assert (log["n_control"] + log["n_treated"]).to_list() == [2_000, 3_000]
    assert log["effect"].to_list() == pytest.approx([first.table["effect"][0], second.table["effect"][0]])


def test_looks_that_were_logged_cannot_be_talked_away():
    """The log is the truth: fewer are refused, more are believed and logged."""
    shop = LoggingShop(customers(1_000))
    for n in (1_000, 2_000, 3_000):
        shop.customers = customers(n)
        does_it_pay(shop, experiment="free_delivery")
    shop.customers = customers(4_000)
    with pytest.raises(DataError, match=r"looks=1: by the log of looks at 'free_delivery' this is look 4"):
        does_it_pay(shop, experiment="free_delivery", looks=1)
    assert shop.kept[LOG].height == 3
    more = does_it_pay(shop, experiment="free_delivery", looks=7)
    again = does_it_pay(shop, experiment="free_delivery")
    assert (more.looks, again.looks, again.interval) == (7, 7, "always-valid")
    assert shop.kept[LOG]["look"].to_list() == [1, 2, 3, 7]
    later = does_it_pay(shop, experiment="free_delivery", looks=9)
    assert (later.looks, shop.kept[LOG]["look"].to_list()) == (9, [1, 2, 3, 7, 9])


@pytest.mark.parametrize("verdict_first", [False, True])
def test_days_that_were_seen_are_looks(verdict_first):
    """Whoever has seen twenty days cannot have a verdict with the interval of one look."""
    days = pl.Series([dt.datetime(2026, 1, 1 + i % 20) for i in range(2_000)])
    shop = LoggingShop(customers(2_000).with_columns(assigned_at=days))
    if verdict_first:
        assert does_it_pay(shop, experiment="free_delivery").interval == "fixed"
    shown = looks_of(shop, "free_delivery").table
    looks_of(shop, "free_delivery")
    log = shop.kept[LOG]
    assert log["look"].to_list() == list(range(1, 21))
    seen = ("n_control", "n_treated", "effect")
    assert log.select(seen).sort(seen).equals(shown.select(seen).sort(seen))
    verdict = does_it_pay(shop, experiment="free_delivery")
    assert (verdict.looks, verdict.interval, shop.kept[LOG].height) == (20, "always-valid", 20)
    assert verdict.checks.filter(check="looks")["status"].item() == "warn"


def test_a_blocked_look_is_no_look():
    """Where no figure is shown; a provisional figure can be acted on, so it is a look."""
    twice = customers(2_000).with_columns(n_arms=2)
    shop = LoggingShop(twice)
    assert does_it_pay(shop, experiment="free_delivery").decision == "cannot be judged"
    assert LOG not in shop.kept
    shop = LoggingShop(customers(2_000).with_columns(is_mature=pl.int_range(pl.len()) > 50))
    assert does_it_pay(shop, experiment="free_delivery").is_provisional
    assert shop.kept[LOG].height == 1


def test_the_always_valid_interval_is_wider_at_every_look(shared):
    data = pl.read_csv(shared / "data" / "rct_customers.csv")
    table = looks_of(data, arm="variant", before="pre_revenue").table
    assert table.height == 28
    assert ((table["effect_low"] < table["fixed_low"]) & (table["effect_high"] > table["fixed_high"])).all()


def test_looks_need_a_day_of_entry():
    with pytest.raises(DataError, match="no column 'entry_day'"):
        looks_of(customers(100))


def test_titles_say_when_it_was_decided():
    rng = np.random.default_rng(3)
    frame = customers(4_000).with_columns(entry_day=pl.Series(rng.integers(0, 10, 4_000)))
    assert looks_of(frame).title.startswith("Undecided at every look")
    clear = frame.with_columns(
        contribution=pl.col("contribution") + pl.when(pl.col("arm") == "treatment").then(4.0).otherwise(0.0)
    )
    assert looks_of(clear).title.startswith("First decided at day 0: +")


def test_the_title_says_where_later_looks_take_in_0_again():
    """The first day is far apart, the others make up for it."""
    rng = np.random.default_rng(3)
    day = rng.integers(0, 10, 4_000)
    treated = (customers(4_000)["arm"] == "treatment").to_numpy()
    dates = pl.Series(day).replace_strict({d: dt.date(2026, 3, 5 + d) for d in range(10)})
    frame = customers(4_000).with_columns(
        entry_day=dates, contribution=pl.Series(rng.normal(10.0, 5.0, 4_000) + treated * np.where(day < 1, 4.0, -0.4))
    )
    found = looks_of(frame)
    out = (found.table["effect_low"] > 0.0).to_list()
    assert out[0]
    assert not out[-1]
    assert found.title.startswith("First decided on 2026-03-05, though some later looks take in 0 again: +")


def test_one_look_says_which_interval_it_has():
    """Decided with the interval of a single planned look, undecided with the one that allows further looks."""
    frame = customers(2_000).with_columns(
        entry_day=0, contribution=pl.col("contribution") + 0.6 * (pl.col("arm") == "treatment").cast(pl.Float64)
    )
    found = looks_of(frame)
    assert found.table["fixed_low"][0] > 0.0 > found.table["effect_low"][0]
    assert found.title.startswith("Undecided with an interval that allows further looks: +")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: pl.concat([f, f.head(3)]), "3 customers have several rows"),
        (lambda f: f.filter((pl.col("arm") == "control") | (pl.int_range(pl.len()) % 40 == 0)), r"50.0% planned"),
        (lambda f: f.filter(arm="control"), "An arm is empty"),
        (lambda f: f.with_columns(entry_day=pl.when(pl.int_range(pl.len()) > 6).then(1)), "'entry_day' is empty in 7"),
        (lambda f: f.with_columns(entry_day=pl.lit("01.02.2026")), "Column 'entry_day' holds '01.02.2026'"),
        (lambda f: f.with_columns(is_mature=False), "No customer's window"),
        (lambda f: f.with_columns(contribution=pl.lit(None, pl.Float64)), "Empty or not finite: contribution"),
    ],
)
def test_what_blocks_a_verdict_blocks_its_looks(change, message):
    with pytest.raises(DataError, match=message):
        looks_of(change(customers(1_000).with_columns(entry_day=1)))


def test_a_share_that_was_planned_is_no_fault():
    few = (
        customers(4_000)
        .with_columns(entry_day=1)
        .filter((pl.col("arm") == "control") | (pl.int_range(pl.len()) % 4 == 0))
    )
    assert looks_of(few, planned_share=0.2).checks.filter(check="sample ratio")["status"].to_list() == ["ok"]
    with pytest.raises(DataError, match="planned_share=20: a share between 0 and 1"):
        looks_of(few, planned_share=20)


def test_customers_whose_window_is_not_over_are_left_out_and_said():
    frame = customers(1_000).with_columns(entry_day=1, is_mature=pl.int_range(pl.len()) >= 100)
    found = looks_of(frame)
    assert found.table["n_control"][0] + found.table["n_treated"][0] == 900
    assert "100 of 1,000" in found.checks.filter(check="mature customers")["detail"][0]


def test_a_launch_has_no_looks():
    shop = LoggingShop(customers(800).with_columns(assigned_at=dt.datetime(2026, 1, 1)))
    rows = shop.fetch

    def fetch(relation, **parameters):
        found = rows(relation, **parameters)
        return found.with_columns(design=pl.lit("staggered")) if relation == "experiments" else found

    shop.fetch = fetch
    with pytest.raises(DataError, match="The design is 'staggered'"):
        looks_of(shop, "free_delivery")


def test_the_looks_at_a_test_of_a_warehouse_are_those_of_its_frame():
    """Two roads: the shop's customers by the day they were assigned, and the same rows given as a frame."""
    days = [dt.datetime(2026, 1, 1 + i % 10) for i in range(800)]
    frame = customers(800).with_columns(
        assigned_at=pl.Series(days), is_mature=pl.Series([i % 8 > 0 for i in range(800)])
    )
    looks = looks_of(LoggingShop(frame), "free_delivery")
    same = looks_of(frame.filter("is_mature"), entered="assigned_at", before="pre_contribution")
    assert looks.table.equals(same.table)
    assert looks.table["day"].to_list() == [dt.date(2026, 1, 1 + i) for i in range(10)]
    assert looks.title.endswith("at the last of 10 looks")
    with pytest.raises(DataError, match="Name the experiment"):
        looks_of(LoggingShop(frame))
    figure = looks.plot()
    assert [t.name for t in figure.data] == ["always valid, 95%", "valid for one look only", "effect"]
    one = looks_of(frame.with_columns(entry_day=0))
    drawn = {t.name: (t.y[0] - t.error_y.arrayminus[0], t.y[0] + t.error_y.array[0]) for t in one.plot().data}
    row = one.table.row(0, named=True)
    assert drawn["always valid, 95%"] == pytest.approx((row["effect_low"], row["effect_high"]), abs=1e-3)
    assert drawn["valid for one look only"] == pytest.approx((row["fixed_low"], row["fixed_high"]), abs=1e-3)
    assert one.title.endswith("at the only look")
