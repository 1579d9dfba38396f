"""The shipped notebooks: thin, alike, executed, and free of what differs from run to run or machine to machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
FILES = sorted(FOLDER.glob("*.ipynb"))
MOST_CODE_CELLS, MOST_LINES = 10, 16
SQL = re.compile(r"\bselect\b.+\bfrom\b", re.IGNORECASE | re.DOTALL)
NOT_THIN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.ListComp,
    ast.DictComp,
)


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_question_is_there():
    assert [file.stem for file in FILES] == [
        "00_tour", "01_lifetime_value", "02_churn", "03_cost_of_courtesy", "04_free_delivery", "05_service_levels",
        "06_which_model", "07_who_gets_it", "09_how_much_is_enough",
    ]  # fmt: skip


def test_first_cell_asks_and_says_where_the_answer_stands_and_last_decides(notebook):
    first, last = notebook.cells[0], notebook.cells[-1]
    assert first.cell_type == last.cell_type == "markdown"
    assert re.match(r"# .+\?$", first.source.splitlines()[0])
    assert "**The answer" in first.source
    assert "**Decision.**" in last.source
    assert "**Limits.**" in last.source


def test_thin(notebook):
    code = code_of(notebook)
    assert len(code) <= MOST_CODE_CELLS + 1  # and the parameters
    for cell in code:
        assert len(cell.source.splitlines()) <= MOST_LINES
        assert not SQL.search(cell.source)
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, NOT_THIN)]
        imported = [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        assert set(imported) <= {"custvalue"}


def test_parameters_are_plain_values_and_run_the_sample(notebook):
    (cell,) = [cell for cell in code_of(notebook) if "parameters" in cell.metadata.get("tags", [])]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(cell.source).body}
    assert values["database"] == ""
    assert values["as_of"] == ""


def test_executed_in_order_without_errors_or_warnings(notebook):
    code = code_of(notebook)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {output.output_type for cell in code for output in cell.outputs}
    assert kinds <= {"execute_result", "display_data", "stream"}
    assert not [o for cell in code for o in cell.outputs if o.get("name") == "stderr"]
    assert [o for cell in code for o in cell.outputs if "application/vnd.plotly.v1+json" in o.get("data", {})]


def test_nothing_volatile_is_stored(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    text = nbformat.writes(notebook)
    for volatile in (
        r"0x[0-9a-f]{8,}",
        r"/(home|root|tmp|work|Users)/",
        r"file://",
        r"cdn\.",
        r"FigureWidget",
        r'"uid"',
    ):
        assert not re.search(volatile, text), volatile
    assert len(text) < 400_000


def test_figures_keep_no_more_digits_than_machines_agree_on(notebook):
    figures = [
        output.data["application/vnd.plotly.v1+json"]
        for cell in code_of(notebook)
        for output in cell.outputs
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    numbers = list(floats([trace for figure in figures for trace in figure["data"]]))
    assert numbers
    assert [n for n in numbers if float(f"{n:.8g}") != n] == []
    assert "bdata" not in str(figures)  # packed arrays are not rounded, and nobody can read them in a diff


def floats(node):
    """List all numbers with a fraction in a figure."""
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from floats(each)
    elif isinstance(node, float):
        yield node
