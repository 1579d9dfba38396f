"""The command line as a user meets it: in a process of its own, by exit code and what it prints."""

from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pytest

THREE = "customer_id,ordered_at,amount\n"


def custvalue(*args, cwd):
    """Run the command; standard output and error as text."""
    code = "from custvalue.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, root):
    """Return a folder with a small shop's sales and a database they are loaded into."""
    folder = tmp_path_factory.mktemp("cli")
    with_orders = pl.read_csv(root / "sample_data" / "orders.csv.gz", infer_schema=False).head(6_000)
    flat = with_orders.select("customer_id", "ordered_at", amount="gross_list")
    flat.write_csv(folder / "sales.csv")
    done = custvalue("load", "shop.duckdb", "sales.csv", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_help_reads_well(tmp_path):
    whole = custvalue("--help", cwd=tmp_path)
    assert whole.returncode == 0
    for command in ("demo", "load", "run", "check", "audit", "report", "init", "template", "doctor", "lab", "new"):
        assert command in whole.stdout
        one = custvalue(command, "--help", cwd=tmp_path)
        assert one.returncode == 0
        assert "Usage: custvalue " + command in " ".join(one.stdout.split())


def test_load_says_what_became_of_the_rows(folder):
    done = custvalue("load", "shop.duckdb", "sales.csv", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    row = answer["tables"][0]
    assert row["read"] == 6_000 == row["accepted"] + row["unattributed"] + row["rejected"]
    text = custvalue("load", "shop.duckdb", "sales.csv", cwd=folder)
    assert "6,000 rows read" in " ".join(text.stdout.split())


def test_run_writes_everything_and_says_what_is_missing(folder):
    done = custvalue("run", "shop.duckdb", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Not computed" in said
    assert "cost of goods or a margin_rate setting" in said
    assert "experiments and assignments are not loaded" in said
    for name in ("report.html", "custvalue.xlsx", "customers.parquet"):
        assert (folder / "out" / name).stat().st_size > 1_000
        assert name in said
    customers = pl.read_parquet(folder / "out" / "customers.parquet")
    assert {"customer_id", "p_alive", "churn_probability", "revenue_value", "segment", "contribution"} <= set(
        customers.columns
    )
    assert "clv" not in customers.columns


def test_results_stand_in_the_database(folder):
    custvalue("run", "shop.duckdb", "--out", "out", cwd=folder)
    import custvalue as cv

    with cv.open(folder / "shop.duckdb") as shop:
        assert shop.fetch("value").height == shop.fetch("results.customers").height > 1_000


def test_run_as_json_is_valid(folder):
    done = custvalue("run", "shop.duckdb", "--out", "out", "--as-of", "2023-06-30", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["as_of"] == "2023-06-30"
    assert {"profit", "value", "segments"} <= set(answer["answers"])


def test_check_passes_on_good_data(folder):
    done = custvalue("check", "shop.duckdb", "--json", cwd=folder)
    assert done.returncode == 0
    assert all(row["n_failures"] == 0 for row in json.loads(done.stdout))


def test_audit_sets_lifetimes_beside(folder):
    done = custvalue("audit", "shop.duckdb", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["table"]
    assert {"BG/NBD", "MBG/NBD", "Gamma-Gamma"} <= {row["model"] for row in rows}


def test_check_finds_a_cent_in_a_finished_database(root, tmp_path):
    import duckdb

    assert custvalue("load", "s.duckdb", root / "sample_data", cwd=tmp_path).returncode == 0
    for table, column in (
        ("raw.deliveries", "carrier_cost"),
        ("raw.resources", "cost"),
        ("marts.pnl_entries", "amount"),
    ):
        with duckdb.connect(str(tmp_path / "s.duckdb")) as con:
            con.execute(f"update {table} set {column} = {column} + 0.01 where rowid = 7")
        done = custvalue("check", "s.duckdb", "--json", cwd=tmp_path)
        assert done.returncode == 1, table
        ties = next(row for row in json.loads(done.stdout) if row["check"] == "check_ledger_ties")
        assert ties["n_failures"] >= 1
        assert "period" in ties["example"]
        with duckdb.connect(str(tmp_path / "s.duckdb")) as con:
            con.execute(f"update {table} set {column} = {column} - 0.01 where rowid = 7")
    assert custvalue("check", "s.duckdb", cwd=tmp_path).returncode == 0


def test_report_as_json_and_whole_tables(folder):
    done = custvalue("report", "shop.duckdb", "--out", "alone", "--json", cwd=folder)
    assert json.loads(done.stdout)["files"] == ["alone/report.html"]
    run = custvalue("run", "shop.duckdb", "--out", "out", "--json", cwd=folder)
    assert len(json.loads(run.stdout)["answers"]["value"]["table"]) == 1_893


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["load", "x.duckdb", "nothing.csv"], 1, "no file or folder 'nothing.csv'"),
        (["load", "x.duckdb", "empty.csv"], 1, "empty.csv is empty"),
        (["load", "x.duckdb", "sales.csv", "--map", "nowhere.toml"], 1, "no mapping file"),
        (["run", "nothing.duckdb"], 2, "there is no database nothing.duckdb"),
        (["run", "broken.duckdb"], 1, "Can't open the database"),
        (["run", "shop.duckdb", "--as-of", "soon"], 1, "'soon' is not a date"),
        (["run", "shop.duckdb", "--as-of", "1990-01-01"], 1, "No order lies on or before 1990-01-01"),
        (["run", "shop.duckdb", "--config", "bad.toml"], 1, "setting horizon_days"),
        (["run", "none.duckdb"], 1, "No orders are loaded"),
        (["run", "shop.duckdb", "--config", "."], 1, "Can't read the settings file"),
        (["run", "shop.duckdb", "--out", "sales.csv"], 1, "Can't write or read 'sales.csv'"),
        (["run", "shop.duckdb", "--as-of", "2090-01-01"], 1, "2090-01-01 lies in the future"),
        (["audit", "one.duckdb"], 1, "bought again"),
        (["sing"], 2, "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_a_user_can_cause_ends_in_one_message(folder, args, code, message):
    (folder / "empty.csv").write_text("")
    (folder / "broken.duckdb").write_text("this is no database")
    (folder / "bad.toml").write_text("horizon_days = -1\n")
    if args[-1] == "one.duckdb":
        (folder / "one.csv").write_text(THREE + "ann,2024-01-01,5\n")
        assert custvalue("load", "one.duckdb", "one.csv", cwd=folder).returncode == 0
    if args[-1] == "none.duckdb":
        import custvalue as cv

        cv.open(folder / "none.duckdb").close()
    done = custvalue(*args, cwd=folder)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr + done.stdout


def test_machines_get_the_message_as_json(folder):
    (folder / "bad.toml").write_text("horizn = 3\n")
    done = custvalue("run", "shop.duckdb", "--config", "bad.toml", "--json", cwd=folder)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "SourceError"
    assert json.loads(done.stdout)["message"] == "bad.toml: there is no setting horizn."
    assert "horizon_days" in json.loads(done.stdout)["hint"]
