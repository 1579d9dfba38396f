"""The wheel carries sql/, notebooks/ and sample_data/, and works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile

CODE = """
import custvalue as cv
assert cv.__file__.startswith({where!r}), cv.__file__
with cv.open() as shop:
    report = shop.load(cv.sample_data())
    print(report.table["accepted"].sum(), len(cv.purchase_summary(shop)))
"""


def test_wheel_works_outside_the_checkout(root, tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        packed.extractall(site)
    for folder in ("sql/marts/pnl_entries.sql", "notebooks/00_tour.ipynb", "sample_data/orders.csv.gz"):
        assert f"custvalue/share/{folder}" in names
    assert not any("truth" in name for name in names if name.endswith(".py"))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = CODE.format(where=str(site))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 3_000
