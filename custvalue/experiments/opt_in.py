"""A measure that customers chose or were chosen for: its effect on those who got it, doubly robust."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from scipy.special import expit
from scipy.stats import norm

from custvalue.door import checked
from custvalue.errors import DataError, FitError
from custvalue.experiments.wording import money
from custvalue.frames import check_finite, to_polars
from custvalue.results import Kind, Result
from custvalue.validation import check_level, check_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from custvalue.frames import Frame

    Floats = NDArray[np.float64]

RIDGE = 1e-3  # keeps the logistic fit finite where a covariate all but tells who got the measure
MIN_EFFECTIVE = 30.0
SURE = 0.95
MAX_UNMATCHED = 0.10


@dataclass(frozen=True, kw_only=True)
class OptInEffect(Result):
    """Effect of a measure on those who got it, had nothing but the covariates driven who they were.

    Attributes
    ----------
    table
        One row: `effect`, `effect_low`, `effect_high`, `standard_error` per customer and window; `n_treated`,
        `n_control`, `n_control_effective` (what the reweighted others amount to), `share_without_match` (of
        the treated, those for whom nearly nobody alike went without), and the `naive_difference`, which is
        wrong.
    overlap
        `propensity_from`, `propensity_to`, `n_control`, `n_treated`: who can be compared with whom.
    balance
        `covariate`, standardised difference `before` and `after` reweighting; under 0.1 is good.
    covariates
        What was known of the customers before.
    """

    overlap: pl.DataFrame
    balance: pl.DataFrame
    covariates: tuple[str, ...]
    level: float

    kinds: ClassVar[Mapping[str, Kind]] = {
        **dict.fromkeys(("effect", "effect_low", "effect_high", "standard_error", "naive_difference"), "money"),
        "share_without_match": "percent",
    }

    @property
    def has_overlap(self) -> bool:
        """Whether enough customers alike went without the measure."""
        row = self.table.row(0, named=True)
        return bool(row["n_control_effective"] >= MIN_EFFECTIVE and row["share_without_match"] <= MAX_UNMATCHED)

    @property
    def title(self) -> str:
        """The effect, beside the comparison that would have misled."""
        row = self.table.row(0, named=True)
        effect = f"{money(row['effect'], sign=True)} {self.currency}"
        interval = f"({money(row['effect_low'])} to {money(row['effect_high'])})"
        naive = money(row["naive_difference"], sign=True)
        return f"On those who got it: {effect} {interval}; naively {naive}, which is wrong"


@checked
def opt_in_effect(
    customers: Frame,
    *,
    covariates: Sequence[str],
    arm: str = "arm",
    control: Any = None,
    outcome: str = "contribution",
    level: float = 0.95,
    currency: str = "",
) -> OptInEffect:
    """Estimate the effect on the treated by augmented inverse-probability weighting.

    Right where either the chance of getting the measure or the outcome without it is modelled well (Robins,
    Rotnitzky & Zhao 1994; for the treated Mercatanti & Li 2014, eq. 5): the mean over customers of
    [W(Y − μ₀) − (1 − W)·e/(1 − e)·(Y − μ₀)] over the share of treated. Customers with a chance above 95 %
    have nobody to be compared with and are left out (Crump, Hotz, Imbens & Mitnik 2009).

    Parameters
    ----------
    customers
        One row per customer; pandas or Polars.
    covariates
        What was known before the measure: numbers, or names of groups such as the segment.
    arm, control, outcome
        Columns, and how the arm without the measure is called, as for `does_it_pay`.
    level
        Of the interval.
    currency
        Of the outcome.

    Raises
    ------
    DataError
        A column is missing, empty or infinite, the covariates tell nothing, or an arm has fewer than 30 customers.
    FitError
        The covariates all but tell who got the measure, so nobody can be compared.
    """
    from custvalue.experiments.trial import trial_from_frame

    check_level(level)
    check_names("covariates", covariates)
    table = to_polars(customers)
    trial = trial_from_frame(
        table, arm=arm, control=control, outcome=outcome, segment=None, before=None, planned_share=0.5,
        outcome_days=28, as_of=None,
    )  # fmt: skip
    if not covariates:
        raise DataError(
            "Without covariates the effect would be the naive difference, which is wrong.",
            "Name what was known of the customers before the measure.",
        )
    if missing := [c for c in covariates if c not in table.columns]:
        raise DataError(f"The frame has no column {missing[0]!r} (covariate); it has {', '.join(table.columns)}.")
    frame = table.select(covariates).with_columns(
        treated=trial.customers["treated"], outcome=trial.customers["outcome"]
    )
    if empty := [c for c in frame.columns if frame[c].null_count()]:
        raise DataError(f"Column {empty[0]!r} is empty in {frame[empty[0]].null_count():,} rows.")
    check_finite(frame, covariates)
    return estimate(frame, tuple(covariates), level=level, currency=currency)


def estimate(frame: pl.DataFrame, covariates: tuple[str, ...], *, level: float, currency: str) -> OptInEffect:
    """Estimate from a frame with `treated`, `outcome` and the covariates, none of them empty."""
    w = frame["treated"].cast(pl.Float64).to_numpy()
    y = frame["outcome"].cast(pl.Float64).to_numpy()
    n1, n0 = int(w.sum()), int((1.0 - w).sum())
    if min(n1, n0) < MIN_EFFECTIVE:
        raise DataError(f"{n1} customers got the measure and {n0} did not; 30 of each are needed.")
    known = basis(frame, covariates)
    if known.shape[1] == 1:  # the constant alone
        raise DataError(
            f"{', '.join(map(repr, covariates))}: the same for every customer. They cannot tell who is alike, and the"
            " effect would be the naive difference, which is wrong.",
            "Name what differs between customers and was known before the measure.",
        )
    e = propensity(known, w)
    x = basis(frame, covariates, squares=True)
    effect, error, weight = _doubly_robust(x, w, y, e)
    half = float(norm.ppf(0.5 + level / 2.0)) * error
    others = weight[w == 0.0]
    row = {
        "effect": effect, "effect_low": effect - half, "effect_high": effect + half, "standard_error": error,
        "n_treated": n1, "n_control": n0, "n_control_effective": float(others.sum() ** 2 / (others**2).sum()),
        "share_without_match": float((e[w == 1.0] > SURE).mean()),
        "naive_difference": float(y[w == 1.0].mean() - y[w == 0.0].mean()),
    }  # fmt: skip
    return OptInEffect(
        table=pl.DataFrame([row]), currency=currency, overlap=_overlap(e, w),
        balance=_balance(frame, covariates, w, weight), covariates=covariates, level=level,
    )  # fmt: skip


def _doubly_robust(x: Floats, w: Floats, y: Floats, e: Floats) -> tuple[float, float, Floats]:
    """Return effect, standard error and weights; customers who nearly all got the measure are left out."""
    kept = e <= SURE
    x, w, y, e = x[kept], w[kept], y[kept], e[kept]
    control = w == 0.0
    coefficients, *_ = np.linalg.lstsq(x[control], y[control], rcond=None)
    residual = y - x @ coefficients
    weight = np.where(control, e / (1.0 - e), 0.0)
    weight *= w.sum() / weight.sum()
    effect = float(((w - weight) * residual).sum() / w.sum())
    # a fitted residual is too small by its leverage (MacKinnon & White 1985): so would be the interval
    residual[control] /= 1.0 - np.minimum(leverage(x[control]), 0.5)
    scores = ((w - weight) * residual - w * effect) / w.mean()
    full = np.zeros(kept.size)
    full[kept] = weight
    return effect, math.sqrt(float(np.mean(scores**2)) / y.size), full


def leverage(x: Floats) -> Floats:
    """Return the diagonal of the hat matrix; columns that say the same, as a yes and its square, count once."""
    u, singular, _ = np.linalg.svd(x, full_matrices=False)
    kept = u[:, singular > singular.max() * max(x.shape) * np.finfo(float).eps]
    return np.asarray((kept**2).sum(axis=1))


def basis(frame: pl.DataFrame, covariates: Sequence[str], *, squares: bool = False) -> Floats:
    """Turn covariates into columns: a number by cubic rank, logarithm, itself (and square); a group by indicators."""
    columns: list[Floats] = [np.ones(frame.height)]
    for name in covariates:
        if not frame.schema[name].is_numeric():
            values = sorted(frame[name].cast(pl.String).unique().to_list())[1:]
            columns += [(frame[name].cast(pl.String) == v).cast(pl.Float64).to_numpy() for v in values]
            continue
        x = frame[name].cast(pl.Float64)
        rank = x.rank("average").to_numpy() / frame.height - 0.5
        plain = x.to_numpy()
        spread = float(plain.std())
        if spread > 0.0:
            linear = (plain - plain.mean()) / spread
            columns += [rank, rank**2, rank**3, np.sign(plain) * np.log1p(np.abs(plain)), linear]
            columns += [linear**2] if squares else []
    return np.column_stack(columns)


def propensity(x: Floats, w: Floats) -> Floats:
    """Fit the chance of getting the measure by logistic regression, Newton's method.

    Raises
    ------
    FitError
        The covariates separate the arms.
    """
    b = np.zeros(x.shape[1])
    for _ in range(100):
        p = expit(x @ b)
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + RIDGE * np.eye(b.size)
        step = np.linalg.solve(hessian, x.T @ (w - p) - RIDGE * b)
        b = b + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-8:
            e: Floats = expit(x @ b)
            if float(e[w == 0.0].max()) < float(e[w == 1.0].min()):
                break
            return e
    raise FitError(
        "Who got the measure is all but told by what was known before: nobody can be compared.",
        "Leave out the covariate that decided it only if it has nothing to do with the outcome; else run a test.",
    )


def _overlap(e: Floats, w: Floats) -> pl.DataFrame:
    edges = np.linspace(0.0, 1.0, 11)
    control, _ = np.histogram(e[w == 0.0], edges)
    treated, _ = np.histogram(e[w == 1.0], edges)
    return pl.DataFrame(
        {"propensity_from": edges[:-1], "propensity_to": edges[1:], "n_control": control, "n_treated": treated}
    )


def _balance(frame: pl.DataFrame, covariates: Sequence[str], w: Floats, weight: Floats) -> pl.DataFrame:
    rows = []
    for name in covariates:
        if not frame.schema[name].is_numeric():
            continue
        x = frame[name].cast(pl.Float64).to_numpy()
        treated, others = x[w == 1.0], x[w == 0.0]
        spread = math.sqrt((treated.var() + others.var()) / 2.0) or 1.0
        reweighted = float(np.average(others, weights=weight[w == 0.0]))
        mean = float(treated.mean())
        rows.append((name, (mean - float(others.mean())) / spread, (mean - reweighted) / spread))
    schema = {"covariate": pl.String, "before": pl.Float64, "after": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")
