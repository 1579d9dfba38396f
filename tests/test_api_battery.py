"""Every public function with every wrong argument: a result or one message of ours, never a foreign error or a hang."""

from __future__ import annotations

import datetime as dt
import inspect
import signal
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

import custvalue as cv
from custvalue.errors import CustvalueError

SECONDS = 10
EMPTY = pl.DataFrame()
BAD = {
    "none": None, "five": 5, "minus": -1, "nan": float("nan"), "inf": float("inf"), "huge": 1e308, "text": "x", "empty": "",
    "list": [], "mixed": [1, "a", None], "dict": {}, "object": object(), "day": dt.date(1066, 10, 14), "bytes": b"x",
    "yes": True, "frame": EMPTY, "other frame": pl.DataFrame({"a": [1.0, None, float("nan")], "b": ["x", "y", None]}),
    "pandas": pd.DataFrame({"a": [1, 2]}), "array": np.array([1.0, 2.0]), "class": int, "nul": "a\0b", "tuple": (1, 2),
}  # fmt: skip


class TooLongError(Exception):
    """A call that did not come back."""


def _late(*_):
    raise TooLongError


@pytest.fixture(scope="module")
def good(root):
    """Return for each function the arguments of a call that works, on a shop of thirty customers."""
    rng = np.random.default_rng(3)
    shop = cv.open()
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=int(d)) for d in rng.integers(0, 700, 400)]
    who = [f"c{i}" for i in rng.choice(60, 400, p=rng.dirichlet(np.full(60, 0.8)))]
    amounts = np.round(rng.gamma(4.0, 9.0, 400), 2)
    orders = pl.DataFrame({"customer_id": who, "ordered_at": days, "amount": amounts})
    shop.load(root / "tests" / "profit" / "tiny_shop")
    flat = cv.open()
    flat.load(orders)
    summary = cv.purchase_summary(flat)
    purchases, spend = cv.fit(cv.Nbd, summary), cv.fit_spend(summary, amount=30.0)
    value = cv.lifetime_value(purchases, spend, summary, margin_rate=0.4, draws=100)
    n = 200
    people = pl.DataFrame({
        "customer_id": [f"p{i}" for i in range(n)], "arm": ["treatment", "control"] * (n // 2),
        "contribution": rng.normal(10, 3, n), "pre_contribution": rng.normal(9, 3, n), "segment": ["a", "b", "a", "a"] * (n // 4),
        "measure_cost": [1.0, 0.0] * (n // 2), "entry_day": [dt.date(2025, 1, 1 + i % 20) for i in range(n)],
    })  # fmt: skip
    verdict = cv.does_it_pay(people)
    plan = cv.plan_service(shop)
    pnl, cost = cv.customer_profit(shop), cv.courtesy_cost(shop)
    split = cv.split_at(orders)
    panel = pl.DataFrame({
        "unit": [f"u{u}" for u in range(24) for _ in range(8)], "period": [p for _ in range(24) for p in range(8)],
        "exposed": [u < 6 and p >= 5 for u in range(24) for p in range(8)], "contribution": rng.normal(5, 1, 192),
    })  # fmt: skip
    options = pl.DataFrame({
        "segment": ["a", "a"], "level": [0, 1], "name": ["base", "more"], "n_customers": [10.0, 10.0], "gain": [0.0, 9.0],
        "gain_low": [0.0, 5.0], "gain_high": [0.0, 12.0], "cost": [0.0, 3.0], "staff_hours": [0.0, 1.0],
        "basis": ["none", "measured"], "setup_cost": [0.0, 0.0], "min_stage": [0, 0],
    })  # fmt: skip
    costs = pl.DataFrame({"department": ["it", "shop"], "cost": ["90.00", "10.00"]})
    use = pl.DataFrame({"from_department": ["it"], "to_department": ["shop"], "units": [2]})
    on_shop: dict[str, dict[str, object]] = {
        name: {"shop": shop}
        for name in ("capacity_use", "control_totals", "courtesy_cost", "courtesy_limits", "courtesy_trend",
                     "customer_profit", "delivered_today", "department_against_company", "inward_signs", "reconcile",
                     "rows_read")
    }  # fmt: skip
    on_shop["purchase_summary"] = {"shop_or_frame": orders}
    yield on_shop | {
        "activity_budget": {"shop": shop, "value": value}, "allocate_departments": {"costs": costs, "services": use},
        "analyse": {"shop": flat, "settings": cv.Settings()},
        "assign": {"customers": people, "experiment": "e"}, "audit": {"summary": summary},
        "break_even": {"margin_per_order": 10.0, "cost_per_order": 1.0},
        "choose_levels": {"options": options, "current": 0},
        "churn_within": {"fitted": purchases, "summary": summary}, "compare_models": {"split": split, "models": (cv.Nbd,)},
        "courtesy_by_segment": {"cost": cost}, "granted_and_borne": {"cost": cost},
        "customer_history": {"fitted": purchases, "purchase_days": ["2025-01-01", "2025-02-01"], "as_of": "2025-06-01"},
        "does_it_pay": {"customers": people}, "dose_response": {"shop": shop, "measure": "FD"},
        "effects": {"customers": people, "metrics": ["contribution"]}, "effects_from": {"verdict": verdict},
        "explain": {"shop": shop, "customer_id": "anna"}, "fit": {"model_class": cv.Nbd, "summary": summary},
        "fit_purchases": {"summary": summary}, "fit_spend": {"summary": summary, "amount": 30.0},
        "frequency_calibration": {"fitted": purchases, "summary": summary}, "history_map": {"fitted": purchases, "T": 50.0},
        "launch_effect": {"panel": panel},
        "lifetime_value": {"purchase_fit": purchases, "spend_fit": spend, "summary": summary, "draws": 100},
        "load_settings": {"path": None}, "long_run": {"verdict": verdict, "retention": 0.8},
        "looks_of": {"customers": people}, "open": {"path": None},
        "opt_in_effect": {"customers": people, "covariates": ["pre_contribution"]},
        "plan_service": {"shop": shop}, "review": {"plan": plan, "shop": shop}, "roll_out": {"plan": plan, "shop": shop},
        "recovery": {"verdict": verdict}, "sample_data": {},
        "sample_size": {"history": people}, "segment_customers": {"customers": value.table},
        "spend_independence": {"summary": summary},
        "spend_per_customer": {"purchases": pl.DataFrame({"customer_id": who, "amount": amounts, "day": days})},
        "split_at": {"orders": orders}, "targeting": {"customers": people, "attributes": ["segment", "pre_contribution"]},
        "to_lifetimes": {"fitted": purchases}, "tracking": {"fitted": purchases, "split": split},
        "unprofitable": {"shop": shop, "pnl": pnl}, "value_by_decile": {"value": value, "split": split},
        "whale_comparison": {"pnl": pnl}, "whale_curve": {"pnl": pnl},
        "free_delivery_threshold": {"customers": people, "orders": orders},
    }  # fmt: skip
    shop.close()
    flat.close()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A text that is no path opens a new database: not in the folder of the project."""
    monkeypatch.chdir(tmp_path)


FUNCTIONS = sorted(name for name in cv.__all__ if inspect.isfunction(getattr(cv, name)))


def called(function, arguments):
    """Call with a limit of time; return what is wrong with how it ended, or nothing."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**arguments)
    except CustvalueError as said:
        return "" if str(said).strip() else "says nothing"
    except TooLongError:
        return f"takes more than {SECONDS} s"
    except Exception as foreign:  # noqa: BLE001 - which one it is, is the finding
        return f"{type(foreign).__name__}: {str(foreign).splitlines()[0] if str(foreign) else ''}"
    finally:
        signal.alarm(0)
    return ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_wrong_argument_ends_in_one_message(good, name):
    function, arguments = getattr(cv, name), good[name]
    found = []
    for parameter in inspect.signature(function).parameters:
        if parameter == "progress":  # called with a text before each step: whose it is raises
            continue
        for label, bad in BAD.items():
            if said := called(function, arguments | {parameter: bad}):
                found.append(f"{parameter} = {label}: {said}")
    assert found == []


METHODS = {
    "load": {"source": pl.DataFrame({"customer_id": ["z"], "ordered_at": ["2025-01-01"], "amount": [1.0]})},
    "fetch": {"relation": "int_orders"}, "has": {"table": "orders"}, "rejected": {"table": "orders"},
    "need": {"table": "orders", "gives": "all"}, "store": {"name": "kept", "table": pl.DataFrame({"a": [1]})}, "checks": {},
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_a_wrong_argument_of_a_warehouse_ends_in_one_message(name):
    with cv.open() as shop:
        shop.load(METHODS["load"]["source"])
        method = getattr(shop, name)
        found = []
        for parameter in inspect.signature(method).parameters:
            if parameter in ("progress", "params"):
                continue
            for label, bad in BAD.items():
                if said := called(method, METHODS[name] | {parameter: bad}):
                    found.append(f"{parameter} = {label}: {said}")
    assert found == []


def test_no_result_holds_nan_where_a_number_is_promised(good):
    """What can't be said is null."""
    found = []
    for name in FUNCTIONS:
        try:
            table = getattr(getattr(cv, name)(**good[name]), "table", None)
        except CustvalueError:
            continue
        if isinstance(table, pl.DataFrame):
            floats = table.select(pl.col(pl.Float64, pl.Float32))
            found += [f"{name}.{c}" for c in floats.columns if floats[c].is_nan().any()]
    assert found == []
