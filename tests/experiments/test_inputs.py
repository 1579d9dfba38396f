"""What users hand in: names of arms, columns as files bring them, arguments out of range or without an effect."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

import custvalue as cv
from custvalue.config import DecisionSettings
from custvalue.data.warehouse import open_warehouse
from custvalue.errors import DataError
from custvalue.experiments.arms import are_plain, two_arms
from custvalue.experiments.columns import alike
from custvalue.experiments.effects import effects
from custvalue.experiments.looks import LOG
from custvalue.experiments.trial import to_boolean, trial_from_frame
from custvalue.experiments.verdict import does_it_pay
from custvalue.frames import to_days, to_polars

EFFECT = 3.0


def made(control="control", treatment="treatment", n=2_000, seed=1):
    """Make a test whose measure brings 3 per customer, whatever its arms are called."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    return pl.DataFrame({
        "customer_id": np.arange(n), "arm": [treatment if t else control for t in treated],
        "contribution": 20.0 + rng.normal(0.0, 10.0, n) + EFFECT * treated,
    })  # fmt: skip


def arms(verdict):
    return verdict.control_arm, verdict.treated_arm


# which arm is control


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        ("Kontrolle", "Gratis"), ("control", "Aktion"), ("control group", "bonus"), ("Kontrollgruppe", "Aktion"),
        ("Gruppe Kontrolle", "A"), ("KONTROLLE 1", "Gratis"), ("ctrl", "bonus"), ("placebo", "drug"),
        ("baseline", "B2"), ("old", "free"), ("control arm", "free delivery"), ("Control_Cell_2", "free"), ("groupe témoin", "cadeau"),
        ("contrôle", "cadeau"), ("holdout", "email"), ("hold-out", "email"), ("none", "gift"), ("ohne", "mit"),
        ("nein", "ja"), ("no", "yes"), ("off", "on"), ("without", "with"), ("alt", "neu"), ("old", "new"),
        ("A", "B"), ("Group A", "Group B"), ("variant_a", "variant_b"), ("1", "2"), (0, 1), (0, 7), ("f", "t"),
        (False, True), ("n", "y"), ("C", "T"), (1.0, 2.0), ("control", "anything else"),
    ],
)  # fmt: skip
def test_the_sign_does_not_hang_on_the_names(control, treatment):
    """The measure brings 3 in every one of these, whichever name is the smaller one."""
    found = does_it_pay(made(control, treatment))
    assert found.table["effect"][0] == pytest.approx(EFFECT, abs=1.0)
    assert found.decision == "pays off"
    several = effects(made(control, treatment), ["contribution"])
    assert several.table["effect"][0] == pytest.approx(found.table["effect"][0])
    assert arms(several) == arms(found)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Gratis", "Aktion"), ("control", "Kontrolle"), ("no fee", "fee"), ("ohne Versandkosten", "Versandkosten"),
        ("alt", "main"), ("A", "C"), (1, 3), (-1, 1), ("before", "after"), ("none", "control"),
        ("standard free", "today"), ("Default free delivery", "fee 4.90"), ("baseline plus gift", "today"),
        ("standard delivery", "free delivery"), ("no control", "test"),
    ],
)  # fmt: skip
def test_names_that_do_not_tell_are_asked_about(first, second):
    """Whatever cannot be told is asked, in the verdict and wherever else arms are compared."""
    frame = made(first, second)
    a, b = sorted((str(first), str(second)))
    asked = re.escape(f"Which arm is control: {a!r} or {b!r}? Say control=...")
    with pytest.raises(DataError, match=asked):
        does_it_pay(frame)
    with pytest.raises(DataError, match=asked):
        effects(frame, ["contribution"])
    for control, expected in ((first, EFFECT), (second, -EFFECT)):
        said = does_it_pay(frame, control=str(control))
        assert said.table["effect"][0] == pytest.approx(expected, abs=1.0)
        assert said.control_arm == str(control)
        several = effects(frame, ["contribution"], control=str(control))
        assert several.table["effect"][0] == pytest.approx(expected, abs=1.0)


def test_what_is_said_goes_before_what_a_name_says():
    assert arms(does_it_pay(made("control", "treatment"), control="treatment")) == ("treatment", "control")
    assert arms(does_it_pay(made("Gratis", "Aktion"), control="gratis")) == ("Gratis", "Aktion")
    assert arms(does_it_pay(made(0, 1), control=1)) == ("1", "0")
    with pytest.raises(DataError, match="control is 'Kontrolle', but the arms are 'Aktion' and 'Gratis'"):
        does_it_pay(made("Gratis", "Aktion"), control="Kontrolle")
    with pytest.raises(DataError, match="control is 'x', but the arms are 'a' and 'b'"):
        effects(made("a", "b"), ["contribution"], control="x")


def test_spaces_around_a_name_make_no_third_arm():
    frame = made().with_columns(arm=pl.when(pl.col("customer_id") < 9).then(pl.col("arm") + " ").otherwise("arm"))
    assert arms(does_it_pay(frame)) == ("control", "treatment")


def test_an_arm_of_which_nobody_came():
    assert two_arms(pl.Series(["Gratis"]), "arm") == ("(no one)", "Gratis")
    assert two_arms(pl.Series(["Kontrolle"]), "arm") == ("Kontrolle", "(no one)")
    assert two_arms(pl.Series(["Gratis"]), "arm", "Wie bisher") == ("Wie bisher", "Gratis")
    assert two_arms(pl.Series(["Gratis"]), "arm", "Gratis") == ("Gratis", "(no one)")


def test_the_sentence_names_arms_that_do_not_say_it_themselves():
    said = does_it_pay(made("Kontrolle", "Gratis")).sentence
    assert said.startswith("Per customer and 28 days (Gratis against Kontrolle): contribution +")
    assert does_it_pay(made("A", "B")).sentence.startswith("Per customer and 28 days (B against A): ")
    for control, treatment in (("control", "treatment"), (0, 1), (False, True), ("Control", "Test")):
        assert are_plain(str(control), str(treatment))
        assert does_it_pay(made(control, treatment)).sentence.startswith("Per customer and 28 days: contribution +")


# columns as files bring them


def days(n, write=str):
    return [write(dt.date(2026, 1, 1) + dt.timedelta(days=i % 28)) for i in range(n)]


@pytest.mark.parametrize("library", ["polars", "pandas"])
@pytest.mark.parametrize("column", ["entry_day", "assigned_at"])
@pytest.mark.parametrize("write", [str, lambda d: f" {d} ", lambda d: f"{d} 10:30", lambda d: f"{d}T10:30:00Z"])
def test_days_written_as_text_are_days(library, column, write):
    frame = made()
    dated = frame.with_columns(pl.Series(column, days(frame.height, write)))
    true = frame.with_columns(pl.Series(column, days(frame.height, lambda d: d)))
    found = does_it_pay(dated.to_pandas() if library == "pandas" else dated)
    assert found.table.equals(does_it_pay(true).table)
    assert found.as_of == dt.date(2026, 1, 28)
    assert found.checks.filter(check="sample ratio by day")["detail"].str.contains("of 28: 2026-01-").all()


@pytest.mark.parametrize("value", ["01.01.2026", "01/02/2026", "2026-13-01", "yesterday", "5"])
@pytest.mark.parametrize("column", ["entry_day", "exposed_at"])
def test_days_that_are_not_plain_are_not_guessed(column, value):
    frame = made().with_columns(pl.lit(value).alias(column))
    text = f"Column '{column}' holds '{value}': a day such as 2026-01-31, or a time"
    with pytest.raises(DataError, match=re.escape(text)):
        does_it_pay(frame)


def test_kinds_of_days():
    assert to_days(pl.Series([3.0, None]), "day").to_list() == [3, None]
    assert to_days(pl.Series(["", None, "2026-01-02"]), "day").to_list() == [None, None, dt.date(2026, 1, 2)]
    assert to_days(pl.Series([None, None]), "day").dtype == pl.Date
    later = to_days(pl.Series(["2026-01-02T00:30:00+02:00"]), "day")
    assert later.to_list() == [dt.datetime(2026, 1, 1, 22, 30, tzinfo=dt.UTC)]
    with pytest.raises(DataError, match="with and without a time zone"):
        to_days(pl.Series(["2026-01-02T00:30:00Z", "2026-01-02T00:30:00"]), "day")
    with pytest.raises(DataError, match="Column 'day' holds Duration"):
        to_days(pl.Series([dt.timedelta(days=1)]), "day")


@pytest.mark.parametrize(
    ("yes", "no"),
    [(1, 0), (1.0, 0.0), ("1", "0"), ("ja", "nein"), ("Yes", "No"), ("true", "false"), ("TRUE", "FALSE"), ("t", "f"), (True, False)],
)  # fmt: skip
def test_yes_and_no(yes, no):
    column = pl.Series([yes, no, None])
    assert to_boolean(column, "is_new").to_list() == [True, False, None]
    assert to_boolean(column.cast(pl.String).cast(pl.Categorical), "is_new").to_list() == [True, False, None]


def test_what_is_neither_yes_nor_no():
    assert to_boolean(pl.Series(["", None, "ja"]), "is_new").to_list() == [None, None, True]
    assert to_boolean(pl.Series([None, None]), "is_new").to_list() == [None, None]
    for column, shown in ((pl.Series(["yes", "maybe"]), "'maybe'"), (pl.Series([0, 2]), "'2'")):
        with pytest.raises(DataError, match=f"Column 'is_new' holds {shown}: yes or no"):
            to_boolean(column, "is_new")


@pytest.mark.parametrize(("yes", "no"), [(1, 0), ("ja", "nein"), ("true", "false")])
def test_flags_of_files_count_as_true_ones(yes, no):
    """The same test with `is_mature` and `is_new` as truth values and as a file has them."""
    frame = made().with_columns(area=pl.col("customer_id") % 100, is_new=pl.col("customer_id") % 7 == 0)
    frame = frame.with_columns(arm=pl.when(pl.col("area") < 50).then(pl.lit("control")).otherwise(pl.lit("treatment")))
    frame = frame.with_columns(is_mature=pl.col("customer_id") > 300)
    written = frame.with_columns(
        pl.Series(c, [yes if v else no for v in frame[c]]) for c in ("is_mature", "is_new")
    )  # fmt: skip
    assert does_it_pay(written).table.equals(does_it_pay(frame).table)
    assert does_it_pay(written, unit="area").table.equals(does_it_pay(frame, unit="area").table)
    assert does_it_pay(written).is_provisional


def exposure(assigned_at, exposed_at):
    frame = made().with_columns(assigned_at=pl.lit(assigned_at), exposed_at=pl.lit(exposed_at))
    row = does_it_pay(frame).checks.filter(check="assignment before exposure").row(0, named=True)
    return row["status"]


def test_exposure_is_compared_by_day_where_one_is_a_day():
    at_ten = dt.datetime(2026, 1, 2, 10)
    for same_day in (
        dt.date(2026, 1, 2),
        "2026-01-02",
        dt.datetime(2026, 1, 2, 9, tzinfo=dt.UTC),
        "2026-01-02T11:00:00",
    ):
        assert exposure(at_ten, same_day) == "ok"
    for day_before in (dt.date(2026, 1, 1), "2026-01-01", dt.datetime(2026, 1, 1, 9, tzinfo=dt.UTC)):
        assert exposure(at_ten, day_before) == "block"
    assert exposure(at_ten, at_ten - dt.timedelta(minutes=1)) == "block"
    assert exposure(str(at_ten), "2026-01-02 09:59:59") == "block"


def test_times_of_two_zones_are_compared_as_moments():
    first = pl.Series([dt.datetime(2026, 1, 2, 10)]).dt.replace_time_zone("Europe/Berlin")
    second = pl.Series([dt.datetime(2026, 1, 2, 9, 30)]).dt.replace_time_zone("UTC")
    a, b = alike(first, second)
    assert (a < b).to_list() == [True]
    assert alike(pl.Series([1]), pl.Series([2]))[0].to_list() == [1]


def mixed(values, n=2_000):
    frame = made(n=n).to_pandas()
    column = frame["contribution"].astype(object)
    for i, value in enumerate(values):
        column[i] = value
    frame["contribution"] = column
    return frame


def test_numbers_of_several_kinds_are_numbers():
    frame = mixed([Decimal("12.5"), 7, np.float32(2.5), None, float("nan"), pd.NA])
    numbers = to_polars(frame)["contribution"]
    assert numbers.dtype == pl.Float64
    assert numbers.head(6).to_list() == [12.5, 7.0, 2.5, None, None, None]
    filled = frame.fillna({"contribution": 1.0})
    assert does_it_pay(filled).decision == "pays off"


@pytest.mark.parametrize("outcome", ["contribution", "money"])
def test_text_among_numbers_is_named(outcome):
    frame = mixed([Decimal("12.5"), "12,5"]).rename(columns={"contribution": outcome})
    with pytest.raises(DataError, match=f"Column '{outcome}' holds text such as '12,5', a number was expected"):
        does_it_pay(frame, outcome=outcome)
    with pytest.raises(DataError, match=f"Column '{outcome}' holds text such as '12,5'"):
        effects(frame, [outcome])
    whole = made().with_columns(contribution=pl.lit("12.5"))
    with pytest.raises(DataError, match=r"Column 'contribution' holds text such as '12\.5', a number was expected"):
        does_it_pay(whole)
    with pytest.raises(DataError, match="Column 'orders' holds text such as '3'"):
        does_it_pay(made().with_columns(orders=pl.lit("3")))


def test_a_mixed_column_that_nobody_asked_for_does_no_harm():
    frame = made().to_pandas()
    frame["note"] = pd.Series([1, "two", dt.date(2026, 1, 3), None] * 500, dtype=object)
    assert does_it_pay(frame).table.equals(does_it_pay(made()).table)


def test_two_columns_of_one_name():
    frame = made().to_pandas()
    with pytest.raises(DataError, match="The table has two columns 'contribution'"):
        does_it_pay(pd.concat([frame, frame[["contribution"]]], axis=1))


@pytest.mark.parametrize("wrong", [[1, 2], {"arm": ["a", "b"]}, pd.Series([1, 2])])
def test_what_is_no_frame(wrong):
    with pytest.raises(DataError, match=f"must be a frame of pandas or Polars, .*; it is {type(wrong).__name__}"):
        does_it_pay(wrong)


@pytest.mark.parametrize("judge", [
    lambda f: does_it_pay(f, segment="segment"), lambda f: effects(f, ["contribution"], segment="segment"),
])  # fmt: skip
def test_a_segment_called_as_the_total(judge):
    frame = made().with_columns(
        segment=pl.when(pl.col("customer_id") % 2 == 0).then(pl.lit("all")).otherwise(pl.lit("new"))
    )
    with pytest.raises(DataError, match="Column 'segment' has a segment 'all', the name of the total"):
        judge(frame)


# arguments


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"outcome_days": 0}, "outcome_days=0: a whole number of days, at least 1"),
        ({"outcome_days": -28}, "outcome_days=-28: a whole number of days"),
        ({"outcome_days": "28"}, "outcome_days='28': a whole number"),
        ({"planned_share": 50}, "planned_share=50: a share between 0 and 1"),
        ({"planned_share": 0.0}, "planned_share=0.0: a share between 0 and 1"),
        ({"looks": 2.5}, "looks=2.5: a whole number was expected"),
        ({"as_of": "31.01.2026"}, "as_of='31.01.2026': a day such as 2026-01-31"),
        ({"settings": {"level": 0.9}}, "settings={'level': 0.9}: a DecisionSettings"),
        ({"settings": cv.Settings()}, "of a run's settings it is settings.decision"),
    ],
)
def test_arguments_out_of_range(given, message):
    with pytest.raises(DataError, match=re.escape(message)):
        does_it_pay(made(), **given)


def test_arguments_of_several_kinds_are_taken():
    found = does_it_pay(made(), as_of="2026-03-31", looks=np.int64(2), outcome_days=np.int64(7))
    assert (found.as_of, found.looks, found.outcome_days) == (dt.date(2026, 3, 31), 2, 7)
    assert does_it_pay(made(), as_of=dt.datetime(2026, 3, 31, 9)).as_of == dt.date(2026, 3, 31)
    assert does_it_pay(made(), settings=cv.Settings().decision).settings == DecisionSettings()


def test_quantiles_and_level_of_effects():
    for given, message in (({"quantiles": [50]}, "quantiles=50"), ({"level": 95}, "level=95")):
        with pytest.raises(DataError, match=message):
            effects(made(), ["contribution"], **given)


@pytest.mark.parametrize(
    "given",
    [
        {"eligible_customers": 0}, {"planned_looks": 0}, {"planned_customers": 0}, {"level": 95}, {"level": 0.0},
        {"loss_cap": -1.0}, {"neutral_margin": float("inf")}, {"neutral_margin": float("nan")}, {"prior_sd": 0.0},
        {"prior_sd": float("inf")}, {"cost_per_test_day": float("inf")}, {"horizon_days": 0},
    ],
)  # fmt: skip
def test_settings_out_of_range(given):
    with pytest.raises(ValidationError, match=next(iter(given))):
        DecisionSettings(**given)


# what is said in the user's own words


def test_the_outcome_keeps_its_name():
    same = made().with_columns(profit=pl.lit(5.0)).drop("contribution")
    found = does_it_pay(same, outcome="profit")
    assert found.sentence == "Cannot be judged. 'profit' is the same for every customer. (estimate)"
    trial = trial_from_frame(
        same,
        arm="arm",
        outcome="profit",
        segment=None,
        before="customer_id",
        planned_share=0.5,
        outcome_days=28,
        as_of=None,
    )
    assert trial.said("Column 'outcome' is empty in 3 rows.") == "Column 'profit' is empty in 3 rows."
    assert trial.said("Column 'before' is empty.") == "Column 'customer_id' is empty."


def test_with_nobody_mature_there_are_no_figures():
    young = made().with_columns(is_mature=False)
    for settings in (DecisionSettings(), DecisionSettings(planned_looks=4)):
        found = does_it_pay(young, settings=settings)
        text = "Window and returns (28 + 0 days) are over for nobody yet: there are no figures so far."
        assert found.sentence == f"Cannot be judged. {text} (mature customers)"
        assert not found.is_provisional
        assert found.table["effect"].to_list() == [None]
        assert found.blocked_by() == ["mature customers"]


def test_with_hardly_anybody_mature_there_are_none_either():
    """As few as would block a test that is over."""
    frame = made()
    nth = pl.int_range(pl.len()).over("arm")
    for n, is_shown in ((1, False), (29, False), (30, True)):
        found = does_it_pay(frame.with_columns(is_mature=nth < n))
        assert found.is_provisional is is_shown
        assert found.blocked_by() == ["mature customers"]
        assert (found.table["effect"][0] is not None) is is_shown
        assert (f"over for only {n} customers of an arm, 30 are needed" in found.sentence) is not is_shown


def test_nothing_is_said_of_new_customers_where_none_are_known():
    frame = made().with_columns(home=pl.col("customer_id") // 2)
    frame = frame.with_columns(
        arm=pl.when(pl.col("home") % 2 == 0).then(pl.lit("control")).otherwise(pl.lit("treatment"))
    )
    without = does_it_pay(frame, unit="home").sentence
    assert without.startswith("Per customer (by home) and 28 days: ")
    known = does_it_pay(frame.with_columns(is_new=pl.col("customer_id") % 9 == 0), unit="home").sentence
    assert known.startswith("Per customer (by home, new customers included) and 28 days: ")


# a warehouse


class PlannedShop:
    """A shop that gives a test as it is planned."""

    def __init__(self, customers=None, **plan):
        self.customers = made() if customers is None else customers
        self.plan = {"name": "free", "design": "rct", "ends": dt.date(2026, 2, 1)} | plan

    def fetch(self, relation, **parameters):
        if relation == "experiments":
            return pl.DataFrame([self.plan])
        known = {"n_arms": 1, "is_mature": True, "pre_contribution": 0.0, "segment": None}
        return self.customers.with_columns(
            pl.lit(v).alias(c) for c, v in known.items() if c not in self.customers.columns
        )


@pytest.fixture(scope="module")
def shop():
    """Load a test of 400 customers who each ordered once; those who were treated bought for 5 more."""
    n, day = 400, dt.date(2026, 1, 5)
    customers = [f"c{i}" for i in range(n)]
    orders = pl.DataFrame({
        "order_id": [f"o{i}" for i in range(n)], "customer_id": customers, "ordered_at": [day] * n,
        "gross_list": [20.0 + i % 7 + 5.0 * (i % 2) for i in range(n)],
    })  # fmt: skip
    later = pl.DataFrame(
        {"order_id": ["o"], "customer_id": ["c0"], "ordered_at": [dt.date(2026, 3, 1)], "gross_list": [1.0]}
    )
    tables = {
        "customers": pl.DataFrame({"customer_id": customers, "acquired_on": [dt.date(2025, 1, 1)] * n}),
        "orders": pl.concat([orders, later]),
        "deliveries": orders.select("order_id", delivery_id="order_id", mode=pl.lit("standard"), carrier_cost=pl.lit(4.0)),
        "order_lines": orders.select(
            "order_id", line_no=pl.lit(1), qty=pl.lit(1), list_price="gross_list", unit_cost=pl.lit(1.0)
        ),
        "experiments": pl.DataFrame([{
            "experiment_id": 1, "name": "free", "design": "rct", "starts": dt.date(2026, 1, 1),
            "ends": dt.date(2026, 1, 28), "planned_share": 0.5, "outcome_days": 28, "return_days": 0,
            "control_arm": "Wie bisher",
        }]),
        "assignments": pl.DataFrame({
            "assignment_id": customers, "experiment_id": [1] * n, "customer_id": customers,
            "arm": ["Gratis" if i % 2 else "Wie bisher" for i in range(n)], "assigned_at": [dt.datetime(2026, 1, 1)] * n,
        }),
    }  # fmt: skip
    with open_warehouse() as opened:
        for name, table in tables.items():
            opened.load(table, table=name)
        yield opened


def test_a_warehouse_states_its_control_arm(shop):
    found = does_it_pay(shop, "free")
    assert found.table["effect"][0] == pytest.approx(5.0, abs=0.7)
    assert "(Gratis against Wie bisher)" in found.sentence


def test_a_control_arm_that_a_warehouse_does_not_state():
    with pytest.raises(DataError, match="'Gratis' or 'Wie immer'\\? Fill `control_arm` of `experiments`"):
        does_it_pay(PlannedShop(made("Wie immer", "Gratis"), control_arm=None), "free")
    with pytest.raises(
        DataError, match="`control_arm` of `experiments` is 'x', but the arms are 'control' and 'treatm"
    ):
        does_it_pay(PlannedShop(control_arm="x"), "free")
    assert does_it_pay(PlannedShop(control_arm=""), "free").control_arm == "control"


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"planned_share": 50.0}, "`planned_share` of experiment 'free'=50.0: a share between 0 and 1"),
        ({"planned_share": 0.0}, "`planned_share` of experiment 'free'=0.0: a share between 0 and 1"),
        ({"return_days": -10}, "`return_days` of experiment 'free'=-10"),
        ({"outcome_days": 0}, "`outcome_days` of experiment 'free'=0"),
        ({"eligible_customers": 0}, "`eligible_customers` of experiment 'free' is 0: 1 or more"),
        ({"eligible_customers": -5}, "`eligible_customers` of experiment 'free' is -5: 1 or more"),
        ({"planned_looks": 0}, "`planned_looks` of experiment 'free' is 0: 1 or more"),
    ],
)
def test_a_plan_out_of_range(plan, message):
    with pytest.raises(DataError, match=re.escape(message)):
        does_it_pay(PlannedShop(**plan), "free")


@pytest.mark.parametrize("unit", ["Customer", "customers", "Kunde", " customer ", None])
def test_customers_by_other_names(unit):
    found = does_it_pay(PlannedShop(unit=unit), "free")
    assert (found.unit, found.decision) == ("customer", "pays off")


@pytest.mark.parametrize(
    "given",
    [
        {"arm": "group"}, {"control": "control"}, {"outcome": "revenue"}, {"segment": "region"}, {"before": "pre_revenue"},
        {"unit": "region"}, {"planned_share": 0.9}, {"outcome_days": 7},
    ],
)  # fmt: skip
def test_what_a_warehouse_states_is_not_taken_as_an_argument(given):
    name = next(iter(given))
    with pytest.raises(DataError, match=f"{name}={given[name]!r} is for a frame"):
        does_it_pay(PlannedShop(), "free", **given)


def test_the_frame_that_the_message_names_can_be_judged(shop):
    frame = shop.fetch("experiment_customers", experiment="free")
    whole = does_it_pay(shop, "free", as_of="2026-03-01")
    same = does_it_pay(frame, control="Wie bisher", before="pre_contribution")
    assert same.table["effect"][0] == pytest.approx(whole.table["effect"][0])


# looks while it runs


class RunningShop(PlannedShop):
    """A shop with one planned look, whose customers come and mature; it keeps a log of looks."""

    def __init__(self):
        super().__init__(planned_looks=1)
        self.kept = {}
        self.mature(0)

    def mature(self, n):
        self.customers = made().with_columns(is_mature=pl.col("customer_id") < n)

    def fetch(self, relation, **parameters):
        if relation == LOG and LOG not in self.kept:
            raise DataError(f"There is no relation {relation}.")
        return self.kept[relation] if relation in self.kept else super().fetch(relation)

    def store(self, name, table):
        self.kept[name] = table


def test_looks_at_a_running_test_count_and_the_last_one_knows_of_them():
    """One look at the end was planned; two provisional ones came before: the last interval is the always-valid one."""
    shop = RunningShop()
    assert not does_it_pay(shop, "free").is_provisional
    assert LOG not in shop.kept
    seen = []
    for n in (700, 700, 1_400, 2_000):
        shop.mature(n)
        seen.append(does_it_pay(shop, "free"))
    assert [v.looks for v in seen] == [1, 1, 2, 3]
    assert (seen[0].is_provisional, seen[-1].is_provisional) == (True, False)
    assert {v.interval for v in seen} == {"always-valid"}
    assert (shop.kept[LOG]["n_control"] + shop.kept[LOG]["n_treated"]).to_list() == [700, 1_400, 2_000]
    looks = [v.checks.filter(check="looks").row(0, named=True) for v in seen]
    assert [row["status"] for row in looks] == ["warn"] * 4
    assert "always-valid" in looks[0]["detail"]
    assert "Looked at 3 times" in looks[-1]["detail"]


def test_a_provisional_interval_is_as_wide_as_that_of_a_look_among_several():
    running = made().with_columns(is_mature=pl.col("customer_id") < 1_000)
    provisional = does_it_pay(running).table.row(0, named=True)
    planned = does_it_pay(running, settings=DecisionSettings(planned_looks=4)).table.row(0, named=True)
    fixed = does_it_pay(running.filter("is_mature")).table.row(0, named=True)
    assert (provisional["effect_low"], provisional["effect_high"]) == (planned["effect_low"], planned["effect_high"])
    assert provisional["effect_low"] < fixed["effect_low"] < fixed["effect_high"] < provisional["effect_high"]
