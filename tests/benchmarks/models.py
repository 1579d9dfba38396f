"""Time and memory beside lifetimes, on the same simulated customers, in one run.

    python -m tests.benchmarks.models            # the goals of the issue: 1,000,000 and 100,000 customers
    python -m tests.benchmarks.models --customers 50000 --json result.json
    python -m tests.benchmarks.models --coverage --replications 2000

Each measurement is the best of three runs of ours and one of lifetimes', and memory is the largest
resident size of a process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

GOALS = {
    "BG/NBD fit": 20, "Gamma-Gamma fit": None, "MBG/NBD fit": None, "Pareto/NBD fit": 100, "lifetime_value": 15,
}  # fmt: skip


def simulate_histories(model: Any, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict]:
    """x and t_x of customers of a model, purchase by purchase, with what is true of each."""
    n = T.size
    rate = rng.gamma(model.r, 1 / model.alpha, n)
    if hasattr(model, "first_coin"):
        stay = 1.0 - rng.beta(model.a, model.b, n)
        life = np.where((rng.random(n) < stay) | (model.first_coin == 0), np.inf, 0.0)
    else:
        stay, life = np.ones(n), rng.exponential(1.0, n) / rng.gamma(model.s, 1 / model.beta, n)
    x, t_x, t = np.zeros(n), np.zeros(n), np.zeros(n)
    going = np.flatnonzero(life > 0)
    while going.size:
        t[going] += rng.exponential(1 / np.maximum(rate[going], 1e-12))
        going = going[t[going] < np.minimum(T, life)[going]]
        x[going] += 1
        t_x[going] = t[going]
        left = rng.random(going.size) >= stay[going]
        life[going[left]] = t[going[left]]
        going = going[~left]
    return x, t_x, {"rate": rate, "leave": 1.0 - stay, "life": life}


def simulate(n: int, kind: str = "bg", seed: int = 1) -> pl.DataFrame:
    """Customers of a BG/NBD or a Pareto/NBD shop over two years, by day; spend of Gamma-Gamma."""
    from custvalue.models.bg_nbd import BgNbd
    from custvalue.models.pareto_nbd import ParetoNbd

    rng = np.random.default_rng(seed)
    T = rng.integers(30, 731, n).astype(float)
    truth = BgNbd(0.5, 60.0, 0.8, 2.5) if kind == "bg" else ParetoNbd(0.6, 60.0, 0.6, 90.0)
    x, t_x, _ = simulate_histories(truth, T, rng)
    spend = rng.gamma(6.0 * np.maximum(x, 1)) / np.maximum(x, 1) * 15.0 / rng.gamma(3.7, size=n)
    return pl.DataFrame({
        "customer_id": np.arange(n), "frequency": x.astype(np.int64), "recency": np.ceil(t_x), "T": T,
        "monetary_value": pl.Series(spend).set(pl.Series(x == 0), None),
    })  # fmt: skip


def coverage(replications: int, customers: int = 5000, seed: int = 1) -> pl.DataFrame:
    """How often the 95 % intervals of the parameters hold the truth."""
    from custvalue.errors import FitError
    from custvalue.models.bg_nbd import BgNbd
    from custvalue.models.fitting import fit
    from custvalue.models.mbg_nbd import MbgNbd
    from custvalue.models.pareto_nbd import ParetoNbd

    rows = []
    for truth in (BgNbd(0.5, 8.0, 0.8, 2.5), MbgNbd(0.5, 8.0, 0.8, 2.5), ParetoNbd(0.6, 8.0, 0.6, 12.0)):
        rng, held, failed = np.random.default_rng(seed), np.zeros(len(truth.parameters)), 0
        for _ in range(replications):
            T = rng.uniform(26.0, 104.0, customers)
            x, t_x, _ = simulate_histories(truth, T, rng)
            try:
                table = fit(type(truth), pl.DataFrame({"frequency": x, "recency": t_x, "T": T}), time_unit="week").table
            except FitError as error:  # a failure counts as not covered
                failed += 1
                print(error, file=sys.stderr)
                continue
            value = np.array(list(truth.parameters.values()))
            held += (table["estimate_low"].to_numpy() <= value) & (value <= table["estimate_high"].to_numpy())
        for name, k in zip(truth.parameters, held, strict=True):
            share = k / replications
            rows.append({
                "model": truth.label, "parameter": name, "replications": replications, "customers": customers,
                "coverage": share, "monte_carlo_error": float(np.sqrt(share * (1 - share) / replications)), "failed": failed,
            })  # fmt: skip
    return pl.DataFrame(rows)


def ours(task: str, table: pl.DataFrame) -> Callable[[], Any]:
    """The work of one row, done by custvalue; fitting that is not measured is done before."""
    from custvalue.models.bg_nbd import BgNbd
    from custvalue.models.fitting import fit
    from custvalue.models.gamma_gamma import GammaGamma
    from custvalue.models.lifetime_value import lifetime_value
    from custvalue.models.mbg_nbd import MbgNbd
    from custvalue.models.pareto_nbd import ParetoNbd

    models = {m.label: m for m in (BgNbd, MbgNbd, ParetoNbd, GammaGamma)}
    if task.endswith(" fit"):
        return lambda: fit(models[task.removesuffix(" fit")], table, time_unit="day")
    purchase = fit(BgNbd, table, time_unit="day")
    if task.startswith("posterior"):
        return lambda: purchase.posterior(2000)
    spend, level = fit(GammaGamma, table), 0.95 if "intervals" in task else None
    return lambda: lifetime_value(purchase, spend, table, margin_rate=0.45, level=level)


def theirs(task: str, table: pl.DataFrame) -> Callable[[], Any] | None:
    """The same by lifetimes; None where it cannot."""
    warnings.simplefilter("ignore")
    import lifetimes
    import pandas as pd

    frame = pd.DataFrame({c: table[c].cast(pl.Float64).fill_null(0.0).to_numpy() for c in table.columns})
    x, t_x, T, m = (frame[c] for c in ("frequency", "recency", "T", "monetary_value"))
    fitters = {
        "BG/NBD fit": lifetimes.BetaGeoFitter, "MBG/NBD fit": lifetimes.ModifiedBetaGeoFitter,
        "Pareto/NBD fit": lifetimes.ParetoNBDFitter,
    }  # fmt: skip
    if task in fitters:
        return lambda: fitters[task](0.0).fit(x, t_x, T)
    spenders = x > 0
    if task == "Gamma-Gamma fit":
        return lambda: lifetimes.GammaGammaFitter(0.0).fit(x[spenders], m[spenders])
    if task != "lifetime_value":
        return None
    purchase = lifetimes.BetaGeoFitter(0.0).fit(x, t_x, T)
    spend = lifetimes.GammaGammaFitter(0.0).fit(x[spenders], m[spenders])

    def value() -> Any:
        alive = purchase.conditional_probability_alive(x, t_x, T)
        expected = purchase.conditional_expected_number_of_purchases_up_to_time(365, x, t_x, T)
        return alive, expected, spend.customer_lifetime_value(purchase, x, t_x, T, m, time=12, freq="D")

    return value


def measure(task: str, path: str, who: str, queue: multiprocessing.Queue) -> None:
    """Run in a process of its own: seconds and peak memory."""
    table = pl.read_parquet(path)
    run = (ours if who == "custvalue" else theirs)(task, table)
    if run is None:
        queue.put(None)
        return
    times = []
    for _ in range(3 if who == "custvalue" else 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    queue.put((min(times), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def apart(task: str, path: Path, who: str) -> tuple[float, float] | None:
    """Measure in a fresh process."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measure, args=(task, str(path), who, queue))
    process.start()
    out = queue.get()
    process.join()
    return out


def compare(customers: int, pareto_customers: int, folder: Path) -> pl.DataFrame:
    """Measure every task with both packages."""
    tasks = [
        ("BG/NBD fit", customers), ("MBG/NBD fit", customers), ("Gamma-Gamma fit", customers),
        ("lifetime_value", customers), ("lifetime_value with intervals", customers),
        ("Pareto/NBD fit", pareto_customers), ("posterior, 2,000 draws", pareto_customers),
        ("posterior, 2,000 draws", 2357),
    ]  # fmt: skip
    rows = []
    for task, n in tasks:
        kind = "pareto" if task.startswith("Pareto") else "bg"
        path = folder / f"{kind}_{n}.parquet"
        if not path.exists():
            simulate(n, kind).write_parquet(path)
        mine, other = apart(task, path, "custvalue"), apart(task, path, "lifetimes")
        rows.append({
            "task": task, "customers": n, "seconds": mine[0], "lifetimes_seconds": other and other[0],
            "times_as_fast": other and other[0] / mine[0], "goal": GOALS.get(task),
            "memory_mb": mine[1], "lifetimes_memory_mb": other and other[1],
        })  # fmt: skip
        print(rows[-1], file=sys.stderr)
    return pl.DataFrame(rows, infer_schema_length=None)


def main() -> None:
    """Print the table, write JSON where asked."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--pareto-customers", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--replications", type=int, default=2000)
    options = parser.parse_args()
    if options.coverage:
        table = coverage(options.replications)
    else:
        with tempfile.TemporaryDirectory() as folder:
            small = options.pareto_customers or max(options.customers // 10, 1000)
            table = compare(options.customers, small, Path(folder))
    pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=150, float_precision=3)
    print(table)
    text = json.dumps(table.to_dicts(), indent=1)
    print(text)
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
