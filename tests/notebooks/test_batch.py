"""Notebooks run as a batch: parameters that exist, a database left alone, outputs kept, byte for byte."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import nbformat
import pytest

import custvalue as cv
from custvalue.reports.notebooks import execute_notebooks, refresh

PARAMETERS = 'database = ""\nas_of = ""\nn = 1'
OPEN = "import custvalue as cv\n\nshop = cv.open(database or None)\nshop.currency, n"


def write(folder, *cells, name="one.ipynb"):
    """Write a notebook whose first cell has the parameters."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (PARAMETERS, *cells)])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / name)
    return folder


@pytest.fixture
def database(tmp_path):
    file = tmp_path / "shop.duckdb"
    with cv.open(file) as shop:
        shop.load(_sales(tmp_path))
    return file


def _sales(folder):
    file = folder / "sales.csv"
    file.write_text(
        "customer_id,ordered_at,amount\na,2025-01-01,10\na,2025-02-01,12\nb,2025-01-05,7\n", encoding="utf-8"
    )
    return file


def outputs(file):
    notebook = nbformat.read(file, as_version=4)
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_runs_on_the_database_and_leaves_it_alone(tmp_path, database):
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    writes = "shop.store('trace', cv.purchase_summary(shop).table)\nshop.fetch('trace').height"
    source = write(tmp_path / "notebooks", OPEN, writes)
    write(source, OPEN, name="two.ipynb")
    said = []
    files = execute_notebooks(source, tmp_path / "out" / "notebooks", database, said.append, n=7)
    assert [file.name for file in files] == ["one.ipynb", "two.ipynb"]
    assert sorted(said) == ["notebook one (1 of 2)", "notebook two (2 of 2)"]
    first, stored = outputs(files[0])
    assert first.data["text/plain"] == "('EUR', 7)"
    assert stored.data["text/plain"] == "2"
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before


def test_executed_notebook_finds_the_database_from_where_it_stands(tmp_path, database):
    files = execute_notebooks(write(tmp_path / "notebooks", OPEN), tmp_path / "out" / "deep" / "down", database)
    text = files[0].read_text(encoding="utf-8")
    assert 'database = \\"../../../shop.duckdb\\"' in text
    assert str(tmp_path) not in text
    assert (files[0].parent / "../../../shop.duckdb").resolve() == database.resolve()


def test_unknown_parameter_is_an_error_and_runs_nothing(tmp_path, database):
    folder = write(tmp_path / "notebooks", OPEN)
    with pytest.raises(cv.DataError, match=r"one.ipynb has no parameter discount[\s\S]*database, as_of, n"):
        execute_notebooks(folder, tmp_path / "out", database, discount=0.1)
    assert list((tmp_path / "out").iterdir()) == []


def test_failing_cell_is_named_and_what_ran_is_kept(tmp_path, database):
    folder = write(tmp_path / "notebooks", OPEN, "1 / 0")
    with pytest.raises(cv.DataError, match=r"one.ipynb stopped: ZeroDivisionError: division by zero"):
        execute_notebooks(folder, tmp_path / "out", database)
    kept = outputs(tmp_path / "out" / "one.ipynb")
    assert kept[0].data["text/plain"] == "('EUR', 1)"
    assert kept[-1].output_type == "error"


def test_a_cell_without_its_table_says_so_and_the_notebook_goes_on(tmp_path, database):
    cells = (OPEN, "cost = cv.courtesy_cost(shop)", "cost.table", "cv.customer_profit(shop).title")
    files = execute_notebooks(write(tmp_path / "notebooks", *cells), tmp_path / "out", database)
    _, missing, follows, title = outputs(files[0])
    assert missing.text == (
        "Not computed. Table courtesy_catalogue is not loaded, and no courtesy shows in the transactions.\n"
        "It would give the cost of every courtesy measure.\n"
    )
    assert follows.text == "Not computed. It needs cost, which could not be computed above.\n"
    assert "net revenue" in title.data["text/plain"]


def test_a_name_that_no_cell_makes_is_a_mistake(tmp_path, database):
    with pytest.raises(cv.DataError, match="NameError: name 'cots' is not defined"):
        execute_notebooks(write(tmp_path / "notebooks", OPEN, "cots"), tmp_path / "out", database)


def test_every_notebook_goes_through_on_transactions_alone(tmp_path, database, root):
    for file in execute_notebooks(root / "notebooks", tmp_path / "out", database):
        assert all(output.output_type != "error" for output in outputs(file)), file.name


def test_the_kernel_is_this_interpreter_whatever_is_installed_under_its_name(tmp_path, database, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    gone = {"argv": ["/gone/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "other",
            "language": "python"}  # fmt: skip
    (spec / "kernel.json").write_text(json.dumps(gone))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    files = execute_notebooks(
        write(tmp_path / "notebooks", OPEN, "import sys; sys.executable"), tmp_path / "out", database
    )
    assert outputs(files[0])[-1].data["text/plain"] == repr(sys.executable)


def test_two_notebooks_read_one_database_at_a_time(database):
    with cv.open(database, read_only=True) as one:
        code = f"import custvalue as cv; print(cv.open({str(database)!r}, read_only=True).currency)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.stdout.strip() == one.currency


def test_missing_database_and_empty_folder_are_said(tmp_path, database):
    with pytest.raises(cv.SourceError, match=r"no database gone\.duckdb"):
        execute_notebooks(write(tmp_path / "notebooks", OPEN), tmp_path / "out", tmp_path / "gone.duckdb")
    (tmp_path / "empty").mkdir()
    with pytest.raises(cv.SourceError, match="holds no notebook"):
        execute_notebooks(tmp_path / "empty", tmp_path / "out", database)


def test_refresh_changes_no_byte_the_second_time(tmp_path):
    folder = write(tmp_path / "notebooks", OPEN, "print('a'); object()", "cv.open().currency")
    assert [file.name for file in refresh(folder)] == ["one.ipynb"]
    before = (folder / "one.ipynb").read_bytes()
    notebook = nbformat.read(folder / "one.ipynb", as_version=4)
    notebook.cells[2].source = "print('a')"
    nbformat.write(notebook, folder / "one.ipynb")
    assert [file.name for file in refresh(folder)] == ["one.ipynb"]
    assert (folder / "one.ipynb").read_bytes() != before
    assert refresh(folder) == []


def nbval(folder, root):
    """Validate as the test command does; what it printed."""
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={root / 'tests/notebooks/sanitize.cfg'}"]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={folder}",
        *options,
        str(folder),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_validation_would_notice_a_cent(tmp_path, root):
    shown = "from custvalue.results import PurchaseSummary\nimport datetime, polars\n\n"
    shown += "PurchaseSummary(table=polars.DataFrame({'frequency': [1], 'monetary_value': [12.34]}), "
    shown += "as_of=datetime.date(2025, 1, 1)).to_gt()"
    folder = write(tmp_path / "notebooks", shown)
    refresh(folder)
    good = nbval(folder, root)
    assert good.returncode == 0, good.stdout
    file = folder / "one.ipynb"
    text = file.read_text(encoding="utf-8")
    assert text.count("12.34<") == 1
    file.write_text(text.replace("12.34<", "12.35<"), encoding="utf-8")
    assert nbval(folder, root).returncode == 1
