"""Every result of the models has a figure that states its finding and names its units."""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import pytest
from cdnow import CALIBRATION_END

import custvalue.plots.models  # noqa: F401 - registers the figures
from custvalue.models.holdout import compare_models, frequency_calibration, split_at, tracking, value_by_decile
from custvalue.models.lifetime_value import lifetime_value
from custvalue.models.maps import customer_history, history_map


@pytest.fixture(scope="module")
def results(cdnow_transactions, mbg_fit, spend_fit, cdnow):
    split = split_at(cdnow_transactions, CALIBRATION_END)
    value = lifetime_value(mbg_fit, spend_fit, cdnow, margin_rate=0.3)
    days = (split.holdout_end - split.as_of).days
    revenue = lifetime_value(mbg_fit, spend_fit, cdnow, horizon_days=days, level=None)
    bought = split.purchases.filter(customer_id="0001")["day"].to_list()
    return {
        "fit": mbg_fit, "posterior": mbg_fit.posterior(), "value": value, "totals": value.total_by(),
        "comparison": compare_models(split), "tracking": tracking(mbg_fit, split),
        "frequency": frequency_calibration(mbg_fit, cdnow), "decile": value_by_decile(revenue, split),
        "map": history_map(mbg_fit, 38.0),
        "history": customer_history(mbg_fit, bought, as_of=dt.date(1998, 6, 30), customer_id="0001"),
    }  # fmt: skip


NAMES = ("fit", "posterior", "value", "totals", "comparison", "tracking", "frequency", "decile", "map", "history")


@pytest.mark.parametrize("name", NAMES)
def test_figure_states_the_finding_and_labels_its_axes(results, name):
    result = results[name]
    figure = result.plot()
    assert isinstance(figure, go.Figure)
    assert figure.layout.title.text.replace("<br>", " ") == result.title
    assert figure.layout.xaxis.title.text or name == "comparison"
    assert all(trace.visible is not False for trace in figure.data)


def test_history_of_one_customer_falls_in_silence_and_jumps_at_purchases(results):
    table = results["history"].table
    bought = table["is_purchase"].to_list()
    alive = table["p_alive"].to_list()
    assert all(alive[i] <= alive[i - 1] + 1e-12 for i in range(1, len(alive)) if not bought[i])
    assert sum(bought) == len(set(bought and [d for d, b in zip(table["day"], bought, strict=True) if b]))


def test_map_rises_with_recency(results):
    table = results["map"].table.sort("frequency", "recency")
    for _, part in table.group_by("frequency"):
        assert part["p_alive"].is_sorted()
