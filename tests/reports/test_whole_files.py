"""A run that is killed while it writes leaves under each name the file that stood there, or none."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

ORDERS = "customer_id,ordered_at,amount\n" + "".join(
    f"c{i % 40},2025-{1 + i % 12:02d}-{1 + i % 28:02d},{10 + i % 7}\n" for i in range(400)
)
KILLED = """
import os, signal, sys
from pathlib import Path
name = sys.argv.pop()
taking_its_place = Path.replace
def killed(self, target):
    if Path(target).name == name:
        os.kill(os.getpid(), signal.SIGKILL)
    return taking_its_place(self, target)
Path.replace = killed
from custvalue.cli.entry import main
main()
"""


def custvalue(folder, *args, killed_at="nothing"):
    command = [sys.executable, "-c", KILLED, *args, killed_at]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300).returncode


@pytest.mark.parametrize("had_one", [True, False])
@pytest.mark.parametrize("name", ["report.html", "custvalue.xlsx", "customers.parquet"])
def test_a_kill_leaves_the_file_that_stood_there(tmp_path, name, had_one):
    (tmp_path / "sales.csv").write_text(ORDERS)
    assert custvalue(tmp_path, "load", "shop.duckdb", "sales.csv") == 0
    (tmp_path / "out").mkdir()
    if had_one:
        (tmp_path / "out" / name).write_text("the one before")
    assert custvalue(tmp_path, "run", "shop.duckdb", "--out", "out", killed_at=name) == -signal.SIGKILL
    file = tmp_path / "out" / name
    assert file.exists() == had_one
    assert not had_one or file.read_text() == "the one before"
    assert custvalue(tmp_path, "run", "shop.duckdb", "--out", "out") == 0
    assert file.stat().st_size > 1000
