"""Time and memory beside lifetimes, on the same simulated customers, in one run.

    python -m tests.benchmarks.models            # the goals of the issue: 1,000,000 and 100,000 customers
    python -m tests.benchmarks.models --customers 50000 --json result.json
    python -m tests.benchmarks.models --coverage --processes 2     # 2,000 replications, fewer of the slow models
    python -m tests.benchmarks.models --coverage --model BG/BB

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
    from collections.abc import Callable, Sequence

GOALS = {
    "BG/NBD fit": 20, "Gamma-Gamma fit": None, "MBG/NBD fit": None, "Pareto/NBD fit": 100, "lifetime_value": 15,
}  # fmt: skip


def simulate_histories(model: Any, T: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict]:
    """x and t_x of customers of a model, purchase by purchase, with what is true of each."""
    n, k = T.size, getattr(model, "k", 1)
    rate = rng.gamma(model.r, 1 / model.alpha, n)
    stay, life = simulate_dropout(model, n, rng)
    x, t_x, t, sum_log_intervals = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    going = np.flatnonzero(life > 0)
    while going.size:
        t[going] += rng.gamma(k, 1 / np.maximum(rate[going], 1e-12))
        going = going[t[going] < np.minimum(T, life)[going]]
        sum_log_intervals[going] += np.log(t[going] - t_x[going])
        x[going] += 1
        t_x[going] = t[going]
        left = rng.random(going.size) >= stay[going]
        life[going[left]] = t[going[left]]
        going = going[~left]
    return x, t_x, {"rate": rate, "leave": 1.0 - stay, "life": life, "sum_log_intervals": sum_log_intervals}


def simulate_dropout(model: Any, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each customer's chance to stay after a purchase, and the age at which he leaves of himself."""
    if hasattr(model, "first_coin"):
        stay = 1.0 - rng.beta(model.a, model.b, n)
        return stay, np.where((rng.random(n) < stay) | (model.first_coin == 0), np.inf, 0.0)
    if model.label == "NBD":
        return np.ones(n), np.full(n, np.inf)
    time_to_leave = rng.exponential(1.0, n) / rng.gamma(model.s, 1 / model.beta, n)
    return np.ones(n), np.log1p(time_to_leave) / model.b if model.label == "GGom/NBD" else time_to_leave


def simulate_fit_table(truth: Any, n: int, rng: np.random.Generator) -> pl.DataFrame:
    """The table a model is fitted to, of n customers whose truth is known."""
    if truth.label == "Gamma-Gamma":
        x = rng.geometric(0.35, n).astype(float)
        mean = rng.gamma(truth.p * x) / x / rng.gamma(truth.q, 1 / truth.v, n)
        return pl.DataFrame({"frequency": x, "monetary_value": mean})
    if truth.label == "Shifted beta-geometric":
        left_at = rng.geometric(rng.beta(truth.alpha, truth.beta, n))
        periods = np.arange(9)
        return pl.DataFrame({"period": periods, "n_active": (left_at > periods[:, None]).sum(axis=1)})
    if truth.label == "BG/BB":
        seen = rng.integers(6, 13, n)
        buys, leaves = rng.beta(truth.alpha, truth.beta, n), rng.beta(truth.gamma, truth.delta, n)
        lasts = np.minimum(rng.geometric(leaves) - 1, seen)
        opportunity = np.arange(1, 13)
        taken = (rng.random((n, 12)) < buys[:, None]) & (opportunity <= lasts[:, None])
        return pl.DataFrame({
            "frequency": taken.sum(axis=1), "recency": (taken * opportunity).max(axis=1), "n_opportunities": seen,
        })  # fmt: skip
    T = rng.uniform(26.0, 104.0, n)
    x, t_x, hidden = simulate_histories(truth, T, rng)
    sums = hidden["sum_log_intervals"]
    return pl.DataFrame({"frequency": x, "recency": t_x, "T": T, "sum_log_intervals": sums})


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


def coverage_truths() -> list[tuple[Any, int]]:
    """Models with parameters as shops have them, and by how much fewer replications the slow ones get."""
    from custvalue.models.bg_bb import BgBb
    from custvalue.models.bg_nbd import BgNbd
    from custvalue.models.cnbd_k import BgCnbd, MbgCnbd
    from custvalue.models.gamma_gamma import GammaGamma
    from custvalue.models.ggom_nbd import GgomNbd
    from custvalue.models.mbg_nbd import MbgNbd
    from custvalue.models.nbd import Nbd
    from custvalue.models.pareto_nbd import ParetoNbd
    from custvalue.models.sbg import ShiftedBetaGeometric

    return [
        (BgNbd(0.5, 8.0, 0.8, 2.5), 1), (MbgNbd(0.5, 8.0, 0.8, 2.5), 1), (ParetoNbd(0.6, 8.0, 0.6, 12.0), 1),
        (Nbd(0.8, 10.0), 1), (GammaGamma(6.0, 4.0, 15.0), 1), (BgBb(1.2, 0.75, 0.66, 2.8), 2),
        (ShiftedBetaGeometric(0.7, 1.2), 1), (BgCnbd(0.5, 4.0, 0.8, 2.5), 4), (MbgCnbd(0.5, 4.0, 0.8, 2.5), 4),
        (MbgCnbd.of(3)(0.6, 3.0, 0.7, 2.5), 4), (GgomNbd(0.6, 8.0, 0.06, 0.8, 4.0), 10),
    ]  # fmt: skip


def coverage(
    replications: int, customers: int = 5000, seed: int = 1, labels: Sequence[str] = (), processes: int = 1
) -> pl.DataFrame:
    """How often the 95 % intervals of the parameters hold the truth; of all models, or of some."""
    tasks = [
        (truth, max(replications // fewer, 10), customers, seed)
        for truth, fewer in coverage_truths() if not labels or truth.label in labels
    ]  # fmt: skip
    if processes == 1:
        return pl.concat([coverage_of(*task) for task in tasks])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pl.concat(pool.starmap(coverage_of, tasks, chunksize=1))


def coverage_of(truth: Any, replications: int, customers: int, seed: int) -> pl.DataFrame:
    """How often the intervals of one model's parameters hold the truth; a failed fit counts as not holding it."""
    from custvalue.errors import FitError
    from custvalue.models.fitting import fit

    value = np.array(list(truth.parameters.values()))
    rng, held, failed, start = np.random.default_rng(seed), np.zeros(value.size), 0, time.perf_counter()
    for _ in range(replications):
        try:
            table = fit(type(truth), simulate_fit_table(truth, customers, rng), time_unit="week").table
        except FitError as error:
            failed += 1
            print(error, file=sys.stderr)
            continue
        held += (table["estimate_low"].to_numpy() <= value) & (value <= table["estimate_high"].to_numpy())
    print(f"{truth.label}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    share = held / replications
    return pl.DataFrame({
        "model": truth.label, "parameter": list(truth.parameters), "replications": replications,
        "customers": customers, "coverage": share,
        "monte_carlo_error": np.sqrt(share * (1 - share) / replications), "failed": failed,
    })  # fmt: skip


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
    parser.add_argument("--processes", type=int, default=1, help="of the coverage")
    parser.add_argument("--model", action="append", default=[], help="coverage of this one, such as BG/BB; repeatable")
    options = parser.parse_args()
    if options.coverage:
        table = coverage(options.replications, labels=options.model, processes=options.processes)
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
