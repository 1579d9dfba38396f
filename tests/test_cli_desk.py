"""The notebooks as an analyst takes them from the shelf: a copy set to a database, and JupyterLab on them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest

import custvalue as cv
from custvalue.errors import SourceError
from custvalue.reports.shelf import copy_notebook, find_notebook, lab_command, lay_out, shelf

MAIN = "from custvalue.cli import main; main()"


def custvalue(*args, cwd):
    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )


def parameters(file):
    (cell,) = [c for c in nbformat.read(file, as_version=4).cells if "parameters" in c.metadata.get("tags", [])]
    names = {}
    exec(cell.source, names)
    return cell.source, names


@pytest.mark.parametrize("name", ["free_delivery", "04", "04_free_delivery", "04_free_delivery.ipynb", "Free_Delivery"])
def test_a_notebook_is_found_by_name_or_number(name):
    assert find_notebook(name).stem == "04_free_delivery"


@pytest.mark.parametrize(("name", "hint"), [("free_delivry", "Did you mean free_delivery?"), ("0", "There are 00_tour"),
                                            ("", "There are 00_tour")])  # fmt: skip
def test_what_is_not_on_the_shelf_is_said(name, hint):
    with pytest.raises(SourceError) as refused:
        find_notebook(name)
    assert hint in refused.value.hint


@pytest.mark.parametrize("name", shelf())
def test_every_notebook_can_be_set_to_a_database(tmp_path, name):
    (tmp_path / "da ta").mkdir()
    database = tmp_path / "da ta" / 'my "shop".duckdb'
    target = tmp_path / "mine.ipynb"
    copy_notebook(shelf()[name], target, database)
    before, _ = parameters(shelf()[name])
    source, names = parameters(target)
    assert names["database"] == 'da ta/my "shop".duckdb'
    assert [line for line in source.splitlines() if not line.startswith("database")] == [
        line for line in before.splitlines() if not line.startswith("database")
    ]
    cells = nbformat.read(target, as_version=4).cells
    assert not [cell for cell in cells if cell.get("outputs")]


def test_a_copy_for_the_sample_keeps_what_it_printed(tmp_path):
    copy_notebook(find_notebook("00"), tmp_path / "tour.ipynb", None)
    assert [cell for cell in nbformat.read(tmp_path / "tour.ipynb", as_version=4).cells if cell.get("outputs")]
    assert parameters(tmp_path / "tour.ipynb")[1]["database"] == ""


def test_new_copies_once_and_its_notebook_runs(tmp_path, root):
    from custvalue.reports.notebooks import _execute, _read

    with cv.open(tmp_path / "shop.duckdb") as shop:
        shop.load([str(root / "sample_data" / f"{name}.csv.gz") for name in ("customers", "orders")])
    done = custvalue("new", "churn", "--db", "shop.duckdb", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == {"notebook": "02_churn", "file": "churn.ipynb", "database": "shop.duckdb"}
    again = custvalue("new", "churn", cwd=tmp_path)
    assert again.returncode == 1
    assert "There is a notebook 'churn.ipynb' already." in again.stderr
    notebook = _read(tmp_path / "churn.ipynb")
    _execute(notebook, "churn", tmp_path)
    assert [cell for cell in notebook.cells if "application/vnd.plotly.v1+json" in str(cell.get("outputs"))]


def test_the_shelf_is_laid_out_and_own_work_stays(tmp_path):
    first = lay_out(tmp_path / "mine", None)
    assert [file.stem for file in first] == list(shelf())
    (tmp_path / "mine" / "00_tour.ipynb").write_text("mine")
    (tmp_path / "mine" / "02_churn.ipynb").unlink()
    assert [file.stem for file in lay_out(tmp_path / "mine", None)] == ["02_churn"]
    assert (tmp_path / "mine" / "00_tour.ipynb").read_text() == "mine"


def test_lab_wants_a_database_that_is_there(tmp_path):
    done = custvalue("lab", "nothing.duckdb", "--no-browser", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no database nothing.duckdb" in " ".join(done.stderr.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_lab_asks_nobody_else_and_runs_this_interpreter(tmp_path):
    command, environment = lab_command(tmp_path, 9999, browser=False)
    assert command[0] == sys.executable
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "--no-browser" in command
    assert "--no-browser" not in lab_command(tmp_path, 9999, browser=True)[0]
    assert environment["JUPYTER_PREFER_ENV_PATH"] == "1"


def asked_until_there(request):
    """Ask until the server listens; the address is told a moment before."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.read().decode()
        except ConnectionRefusedError:
            time.sleep(0.2)
        except urllib.error.URLError as problem:
            if not isinstance(problem.reason, ConnectionRefusedError):
                raise
            time.sleep(0.2)
    pytest.fail(f"{request.full_url}: nobody listens")


@pytest.mark.slow
def test_lab_serves_the_notebooks_and_ends_with_ctrl_c(tmp_path):
    cv.open(tmp_path / "shop.duckdb").close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
                                                   "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR")}  # fmt: skip
    log = tmp_path / "lab.log"
    with log.open("w") as stream:
        started = subprocess.Popen(
            [sys.executable, "-c", MAIN, "lab", "shop.duckdb", "--no-browser", "--port", str(port)], cwd=tmp_path,
            stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **own}, start_new_session=True,
        )  # fmt: skip
    try:
        token = None
        for _ in range(300):
            found = re.search(rf"127\.0\.0\.1:{port}/lab\?token=(\w+)", log.read_text())
            if found:
                token = found[1]
                break
            assert started.poll() is None, log.read_text()
            time.sleep(0.2)
        assert token, log.read_text()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/contents", headers={"Authorization": f"token {token}"}
        )
        names = {each["name"] for each in json.loads(asked_until_there(asked))["content"]}
        assert {f"{stem}.ipynb" for stem in shelf()} <= names
        page = urllib.request.Request(f"http://127.0.0.1:{port}/lab", headers={"Authorization": f"token {token}"})
        assert '"news": {"disabled": true' in asked_until_there(page)
    finally:
        os.killpg(started.pid, signal.SIGINT)
        time.sleep(0.5)
        os.killpg(started.pid, signal.SIGINT)  # JupyterLab asks once whether it is meant
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait(10)
    assert "Traceback" not in log.read_text()
    assert parameters(tmp_path / "shop-notebooks" / "00_tour.ipynb")[1]["database"] == "../shop.duckdb"
