"""One shop, one set of settings, one figure: report, screen and notebooks say the same of the sample."""

from __future__ import annotations

import json
import re

import pytest

import custvalue as cv


@pytest.fixture(scope="module")
def run():
    with cv.open() as shop:
        shop.load(cv.sample_data())
        return cv.analyse(shop, cv.load_settings(cv.sample_data() / "custvalue.toml"))


def shown(root, name):
    """Return all that a notebook shows, as one line of text."""
    found = []
    for cell in json.loads((root / "notebooks" / f"{name}.ipynb").read_text())["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            plot = data.get("application/vnd.plotly.v1+json", {}).get("layout", {}).get("title", {}).get("text", "")
            found += ["".join(output.get("text", [])), "".join(data.get("text/html", [])), plot]
    return re.sub(r"<br>|\s+", " ", " ".join(found))


@pytest.mark.parametrize("name", ["00_tour", "05_service_levels"])
def test_the_plan_is_that_of_the_notebooks(run, root, name):
    assert run.results["plan"].title in shown(root, name)


@pytest.mark.parametrize("name", ["00_tour", "04_free_delivery"])
def test_the_verdict_is_that_of_the_notebooks(run, root, name):
    assert run.results["verdict free_delivery"].title in shown(root, name)


@pytest.mark.parametrize(("result", "name"), [("profit", "00_tour"), ("profit", "03_cost_of_courtesy"),
                                              ("courtesy", "00_tour"), ("courtesy", "03_cost_of_courtesy"),
                                              ("value", "00_tour")])  # fmt: skip
def test_profit_courtesy_and_value_are_those_of_the_notebooks(run, root, result, name):
    assert run.results[result].title in shown(root, name)
