"""Every answer of a run has a figure whose title is its finding."""

from __future__ import annotations

import json

from custvalue.plots import figure_for


def test_every_result_has_a_figure(analysis):
    for name, result in analysis.results.items():
        figure = figure_for(result)
        assert len(figure.data) > 0, name
        shown = figure.layout.title.text.replace("<br>", " ").replace("&lt;", "<").replace("&amp;", "&")
        assert shown.startswith(" ".join(result.title.split())[:60]), name
        assert figure.layout.xaxis.title.text or any("EUR" in a.text for a in figure.layout.annotations), name


def test_figures_are_the_same_each_time_and_hold_plain_json(analysis):
    for name, result in analysis.results.items():
        first, second = (figure_for(result).to_json() for _ in range(2))
        assert first == second, name
        assert json.loads(first)["data"], name
        assert "FigureWidget" not in type(figure_for(result)).__name__
