"""What goes wrong on the command line ends in one message, and leaves what was there."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

import custvalue as cv

MAIN = "from custvalue.cli import main; main()"
THREE = "customer_id,ordered_at,amount\nann,2025-01-01,10.00\nbob,2025-01-02,20.50\n"


def custvalue(*args, cwd, code=MAIN, **more):
    return subprocess.run(
        [sys.executable, "-c", code, *args], cwd=cwd, capture_output=True, text=True, check=False, **more
    )


def said(done):
    assert "Traceback" not in done.stderr + done.stdout
    return " ".join((done.stderr + done.stdout).replace("│", " ").split())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sales-2024.csv").write_text(THREE)
    (tmp_path / "sales-2025.csv").write_text(THREE.replace("2025", "2026"))
    return tmp_path


def test_the_database_was_forgotten(folder):
    done = custvalue("load", "sales-2024.csv", "sales-2025.csv", cwd=folder)
    assert done.returncode == 1
    assert "custvalue load shop.duckdb sales-2024.csv sales-2025.csv" in said(done)
    assert {file.name for file in folder.iterdir()} == {"sales-2024.csv", "sales-2025.csv"}
    assert (folder / "sales-2024.csv").read_text() == THREE


@pytest.mark.parametrize("command", ["check", "run", "report", "audit"])
def test_a_csv_is_nothing_to_check(folder, command):
    done = custvalue(command, "sales-2024.csv", cwd=folder)
    assert done.returncode == 1
    assert "it is no DuckDB file. The database comes first: custvalue load shop.duckdb sales-2024.csv" in said(done)


@pytest.mark.parametrize("out", ["o[/b]", "[bold]", "a[red]b[/red]"])
def test_brackets_in_a_folder_are_no_markup(folder, out):
    assert custvalue("load", "shop.duckdb", "sales-2024.csv", cwd=folder).returncode == 0
    done = custvalue("report", "shop.duckdb", "--out", out, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"Written: {out}/report.html" in said(done)


def test_brackets_in_the_names_of_files_and_databases(folder):
    for name in ("a[", "s["):  # to rich, "[/b]" would end a style
        (folder / name).mkdir()
    (folder / "a[/b].csv").write_text(THREE)
    assert custvalue("load", "s[/b].duckdb", "a[/b].csv", cwd=folder).returncode == 0
    missing = custvalue("run", "x[/b].duckdb", cwd=folder)
    assert missing.returncode == 2
    assert "no database b].duckdb" in said(missing)


def test_a_file_name_that_is_no_utf_8(folder):
    name = os.fsdecode(b"sales-\xe9.csv")
    (folder / name).write_text(THREE)
    loaded = custvalue("load", "shop.duckdb", name, cwd=folder)
    assert loaded.returncode == 0, loaded.stderr
    assert "2 rows read" in said(loaded)
    opened = custvalue("run", os.fsdecode(b"shop-\xe9.duckdb"), cwd=folder)
    assert opened.returncode == 2
    assert "there is no database" in said(opened)
    made = custvalue("load", os.fsdecode(b"shop-\xe9.duckdb"), "sales-2024.csv", cwd=folder)
    assert made.returncode == 1
    assert "its name is not UTF-8" in said(made)


def test_a_disk_without_room_keeps_the_report_that_stood_there(folder):
    assert custvalue("load", "shop.duckdb", "sales-2024.csv", cwd=folder).returncode == 0
    (folder / "out").mkdir()
    (folder / "out" / "report.html").write_text("the one before")
    little = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # noqa: E731
    done = custvalue("report", "shop.duckdb", "--out", "out", cwd=folder, preexec_fn=little)
    assert done.returncode == 1
    assert "report.html" in said(done)
    assert (folder / "out" / "report.html").read_text() == "the one before"
    assert [file.name for file in (folder / "out").iterdir()] == ["report.html"]


def test_a_disk_without_room_keeps_the_database(folder):
    assert custvalue("load", "shop.duckdb", "sales-2024.csv", cwd=folder).returncode == 0
    size = (folder / "shop.duckdb").stat().st_size
    rows = "".join(f"customer {i},2025-01-01,{i}\n" for i in range(60_000))
    (folder / "big.csv").write_text("customer_id,ordered_at,amount\n" + rows)
    little = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
    done = custvalue("load", "shop.duckdb", "big.csv", cwd=folder, preexec_fn=little)
    assert done.returncode == 1, done.stdout
    said(done)
    with cv.open(folder / "shop.duckdb") as shop:
        assert shop.fetch("transactions").height == 2


def test_ctrl_c_is_one_line_and_leaves_the_database(folder):
    assert custvalue("load", "shop.duckdb", "sales-2024.csv", cwd=folder).returncode == 0
    code = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import custvalue.data.warehouse as w\n"
        "def wait(*a): print('here', flush=True); time.sleep(60)\n"
        "w.build = wait\n" + MAIN
    )
    command = [sys.executable, "-c", code, "load", "shop.duckdb", "sales-2025.csv"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout.readline() == "here\n"
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in out + err
    assert "Stopped" in err
    with cv.open(folder / "shop.duckdb") as shop:
        assert shop.fetch("transactions").height == 2


def test_a_fault_of_ours_says_so_and_asks_for_a_report(folder):
    code = (
        "import custvalue.data.warehouse as w\n"
        "def wrong(*a, **k): raise ZeroDivisionError('ours')\n"
        "w.find_sources = wrong\n" + MAIN
    )
    done = custvalue("load", "shop.duckdb", "sales-2024.csv", "--json", cwd=folder, code=code)
    assert done.returncode == 70
    answer = json.loads(done.stdout)
    assert answer["error"] == "Fault of custvalue"
    assert "ZeroDivisionError" in answer["message"]
    assert "Please report it" in answer["hint"]


def test_run_beside_a_notebook_that_has_the_database_open(folder):
    assert custvalue("load", "shop.duckdb", "sales-2024.csv", cwd=folder).returncode == 0
    with cv.open(folder / "shop.duckdb", read_only=True):
        done = custvalue("run", "shop.duckdb", "--out", "out", "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "another process has it open" in json.loads(done.stdout)["not_stored"]
        assert (folder / "out" / "report.html").is_file()
        checked = custvalue("check", "shop.duckdb", cwd=folder)
        assert checked.returncode == 1
        assert "restart its kernel" in said(checked)
    done = custvalue("run", "shop.duckdb", "--out", "out", "--json", cwd=folder)
    assert json.loads(done.stdout)["not_stored"] == ""
