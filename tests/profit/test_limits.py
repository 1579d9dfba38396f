"""Courtesies beyond the catalogue's limits, and practices of departments, by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

import custvalue as cv

CUSTOMERS = [{"customer_id": customer} for customer in ("ann", "bob")]


def test_more_than_the_yearly_maximum_and_before_its_stage(shop_of):
    """Two a year at 5.00: ann had three in 2024 and one in 2025, so one is too many; bob two. D needs stage 2."""
    days = [("ann", "2024-02-01"), ("ann", "2024-05-01"), ("ann", "2024-12-31"), ("ann", "2025-01-01"),
            ("bob", "2024-02-01"), ("bob", "2024-03-01")]  # fmt: skip
    events = [
        {"event_id": f"e{i}", "measure_id": "G", "customer_id": c, "occurred_at": d} for i, (c, d) in enumerate(days)
    ]
    events += [{"event_id": "late", "measure_id": "D", "customer_id": "bob", "occurred_at": "2024-06-01"}]
    shop = shop_of(
        customers=CUSTOMERS,
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-06-01", "gross_list": "20.00"}],
        courtesy_catalogue=[
            {"measure_id": "G", "name": "gift", "direct_cost": "5.00", "max_per_customer_year": 2, "needs_stage": 1,
             "guard": "one per birthday"},
            {"measure_id": "D", "name": "hotline", "direct_cost": "9.00", "max_per_customer_year": None,
             "needs_stage": 2, "guard": None},
        ],
        courtesy_events=events,
        stage_gates=[
            {"stage": 1, "requirement": "answers in time", "target": 0.7, "actual": 0.8, "as_of": "2025-01-01"},
            {"stage": 2, "requirement": "staff trained", "target": 0.8, "actual": 0.9, "as_of": "2024-01-01"},
            {"stage": 2, "requirement": "staff trained", "target": 0.8, "actual": 0.5, "as_of": "2025-01-01"},
        ],
    )  # fmt: skip
    found = cv.courtesy_limits(shop)
    gift, hotline = (found.table.filter(measure_id=m).row(0, named=True) for m in ("G", "D"))
    assert (gift["n_events"], gift["n_beyond"], gift["n_customers_beyond"]) == (6, 1, 1)
    assert (gift["cost_beyond"], gift["n_too_early"], gift["guard"]) == (Decimal("5.00"), 0, "one per birthday")
    assert (hotline["n_too_early"], hotline["cost_too_early"]) == (1, Decimal("9.00"))
    assert hotline["unmet"] == "stage 2: staff trained"
    assert found.title == (
        "1 courtesy beyond the yearly maximum cost 5 EUR, most of it gift, 5; 1 before their stage was reached, 9 EUR"
    )
    # the year counts as a whole, whatever window is asked for
    assert cv.courtesy_limits(shop, "2024-12-31", "2024-12-31").table["n_beyond"].sum() == 1
    assert cv.courtesy_limits(shop, "2024-01-01", "2024-12-30").table["n_beyond"].sum() == 0
    with cv.open() as empty, pytest.raises(cv.MissingInputError, match="courtesy_catalogue is not loaded"):
        cv.courtesy_limits(empty)


def test_what_waiting_and_a_wide_promise_go_with(shop_of):
    """Four orders with delivery on 1 February 2024; who waited buys less in the next 30 days.

    Late by a day: a and b, who then bring 10 and 20; on time: c and d, who bring 50 and 60. Difference 40, standard error
    sqrt(50 / 2 + 50 / 2) = 7.07. The carrier took 4 for late ones and 7 for the others: 3 saved. The promises of b and d
    were 10 hours wide, of a and c 2: usual is 6, they bring 20 and 60 against 10 and 50: 10 more, so -10 / 8 an hour.
    """
    cases = {"a": (1, 2, "4.00", "10.00"), "b": (1, 10, "4.00", "20.00"), "c": (0, 2, "7.00", "50.00"),
             "d": (0, 10, "7.00", "60.00")}  # fmt: skip
    orders, deliveries = [], []
    for name, (late, hours, carrier, later) in cases.items():
        orders.append({"order_id": name, "customer_id": name, "ordered_at": "2024-01-30", "gross_list": "30.00"})
        orders.append({"order_id": name + "2", "customer_id": name, "ordered_at": "2024-02-20", "gross_list": later})
        deliveries.append(
            {"delivery_id": name, "order_id": name, "carrier_cost": carrier, "promised_from": "2024-02-01 06:00:00",
             "promised_to": f"2024-02-01 {6 + hours:02d}:00:00",
             "delivered_at": f"2024-02-0{1 + late} {6 + hours:02d}:00:00"}
        )  # fmt: skip
    orders.append({"order_id": "last", "customer_id": "z", "ordered_at": "2024-06-01", "gross_list": "1.00"})
    shop = shop_of(customers=[{"customer_id": c} for c in (*cases, "z")], orders=orders, deliveries=deliveries)
    found = cv.department_against_company(shop, 30)
    late = found.table.filter(practice="late delivery").row(0, named=True)
    assert (late["n"], late["n_other"], late["department_saves"], late["company_loses"]) == (2, 2, 3.0, 40.0)
    half = 1.96 * (50 / 2 + 50 / 2) ** 0.5
    assert (late["loses_low"], late["loses_high"]) == (pytest.approx(40 - half), pytest.approx(40 + half))
    assert (late["is_beyond_chance"], late["unit"], late["more"], late["total"]) == (True, "day late", 1.0, 74.0)
    wide = found.table.filter(practice="delivery promise wider than usual").row(0, named=True)
    assert (wide["company_loses"], wide["more"], wide["loses_per_unit"]) == (-10.0, 8.0, -1.25)
    assert not wide["is_beyond_chance"]
    assert found.title == (
        "After a late delivery a customer brings 40.00 EUR less (26.14 to 53.86) in 30 days. It saves logistics 3.00."
    )
    with pytest.raises(cv.DataError, match="follow_days=0: a whole number of days"):
        cv.department_against_company(shop, 0)


def test_what_a_customer_receives_beyond_what_he_pays(shop_of):
    """100.00 at list for 90.00, delivery of 4.90 free, and a gift of 3.00: 107.90 received, 90.00 paid."""
    shop = shop_of(
        customers=[{"customer_id": "ann"}],
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-01-01", "gross_list": "100.00",
                 "discount": "10.00", "delivery_fee_charged": "0.00"}],
        deliveries=[{"delivery_id": "d", "order_id": "1", "mode": "standard", "carrier_cost": "6.00"}],
        delivery_fees=[{"valid_from": "2024-01-01", "mode": "standard", "region": "all", "fee": "4.90"}],
        courtesy_catalogue=[{"measure_id": "G", "name": "gift", "direct_cost": "3.00"}],
        courtesy_events=[{"event_id": "e", "measure_id": "G", "customer_id": "ann", "occurred_at": "2025-01-01"}],
    )  # fmt: skip
    side = cv.inward_signs(shop, "2025-12-31").customer_side.row(0, named=True)
    assert (side["received"], side["paid"], side["received_less_paid"]) == pytest.approx((107.90, 90.00, 17.90))


def test_a_sign_that_improves_because_the_worst_served_left(shop_of):
    """Twenty who waited ten minutes have left; the twenty who stayed wait 60 seconds now as before, plus or minus 5."""
    orders, contacts = [], []
    for i in range(40):
        stays = i < 20
        for year in (2024, 2025):
            if year == 2025 and not stays:
                continue
            orders.append({"order_id": f"{i}-{year}", "customer_id": f"c{i}", "ordered_at": f"{year}-03-01",
                           "gross_list": "10.00"})  # fmt: skip
            wait = (60 if stays else 600) + (5 if i % 2 else -5)
            contacts.append({"contact_id": f"{i}-{year}", "customer_id": f"c{i}", "opened_at": f"{year}-03-02 10:00:00",
                             "wait_s": wait})  # fmt: skip
    shop = shop_of(customers=[{"customer_id": f"c{i}"} for i in range(40)], orders=orders, contacts=contacts)
    panel = cv.inward_signs(shop, "2025-12-31")
    row = panel.table.filter(sign="waiting on hold").row(0, named=True)
    assert (row["before"], row["value"]) == (330.0, 60.0)
    assert (row["before_stayed"], row["value_stayed"]) == (60.0, 60.0)
    assert (row["is_better"], row["is_worse"], row["improved_by_leaving"]) == (False, False, True)
    assert "lower only because those who had it worst left: waiting on hold" in panel.title


def test_a_test_whose_measure_has_no_event_says_what_was_looked_for(shop_of):
    shop = shop_of(
        customers=CUSTOMERS,
        orders=[{"order_id": "1", "customer_id": "ann", "ordered_at": "2025-06-01", "gross_list": "20.00"}],
        courtesy_catalogue=[{"measure_id": "K-17", "name": "Versandkostenfrei", "rule": "free_delivery"},
                            {"measure_id": "G", "name": "gift", "rule": None}],
        experiments=[
            {"experiment_id": i, "name": measure, "measure_id": measure, "design": "rct", "starts": "2025-01-01",
             "ends": "2025-03-31", "outcome_days": 28}
            for i, measure in enumerate(("K-17", "G", "P9"))
        ],
    )  # fmt: skip
    gaps = shop.fetch("book_gaps").filter(source_table="experiments")["why"].sort().to_list()
    assert gaps == [
        "measure G has no logged event; without a rule in the catalogue nothing else was looked for",
        "measure K-17 has no logged event, and by its rule free_delivery none was found in the transactions",
        "measure P9 is in no catalogue, no event is logged under it, and it is no rule's name",
    ]
