"""Second opinion: the package lifetimes fitted to the same histories, side by side."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import polars as pl

from custvalue.door import checked
from custvalue.errors import DataError, FitError
from custvalue.models.bg_nbd import BgNbd
from custvalue.models.fitting import ModelFit, fit
from custvalue.models.gamma_gamma import GammaGamma
from custvalue.models.mbg_nbd import MbgNbd
from custvalue.models.pareto_nbd import ParetoNbd
from custvalue.results import Result

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from custvalue.models.base import CustomerModel, Model
    from custvalue.results import Kind, PurchaseSummary

PEERS: Mapping[type[Model], tuple[str, tuple[str, ...]]] = {
    BgNbd: ("BetaGeoFitter", ("r", "alpha", "a", "b")),
    MbgNbd: ("ModifiedBetaGeoFitter", ("r", "alpha", "a", "b")),
    ParetoNbd: ("ParetoNBDFitter", ("r", "alpha", "s", "beta")),
    GammaGamma: ("GammaGammaFitter", ("p", "q", "v")),
}
SAME = 0.01
"""A relative difference in a parameter below this is agreement: the likelihood is flat at its top."""


@dataclass(frozen=True, kw_only=True)
class Audit(Result):
    """Both packages on the same data.

    Attributes
    ----------
    table
        One row a model and figure: `custvalue`, `lifetimes` (null where it failed), `difference_rate`
        and a `remark` that says what to make of it.
    """

    n_customers: int
    time_unit: str
    as_of: dt.date | None
    lifetimes_version: str

    kinds: ClassVar[Mapping[str, Kind]] = {"difference_rate": "percent"}

    @property
    def n_models(self) -> int:
        """Models compared."""
        return self.table["model"].n_unique()

    @property
    def title(self) -> str:
        """How many models agree."""
        parameters = self.table.filter(pl.col("kind") == "parameter")
        agree = parameters.group_by("model").agg((pl.col("difference_rate").abs() < SAME).all().alias("same"))
        same = int(agree["same"].fill_null(value=False).sum())
        return (
            f"lifetimes {self.lifetimes_version} confirms {same} of {self.n_models} models within {SAME:.0%}; "
            "where it differs or fails, the remark says why"
        )


@checked
def audit(summary: PurchaseSummary) -> Audit:
    """Fit lifetimes and custvalue to the same purchase summary and compare.

    Raises
    ------
    DataError
        Where the summary has no repeat buyer: neither package could say anything.
    """
    if not (summary.table["frequency"] > 0).any():
        raise DataError("Nobody in the summary bought again: there is nothing to audit.", "Use a longer history.")
    rows: list[dict[str, Any]] = []
    for model_class, (fitter, names) in PEERS.items():
        rows += _compare(model_class, fitter, names, summary)
    figures = dict.fromkeys(("custvalue", "lifetimes", "difference_rate"), pl.Float64)
    table = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=figures)
    return Audit(
        table=table, n_customers=summary.table.height, time_unit=summary.time_unit, as_of=summary.as_of,
        lifetimes_version=_version(),
    )  # fmt: skip


def _compare(
    model_class: type[Model], fitter: str, names: tuple[str, ...], summary: PurchaseSummary
) -> list[dict[str, Any]]:
    """Return the rows of one model."""
    label = model_class.label
    try:
        mine = fit(model_class, summary)
    except FitError as error:
        return [_row(label, "fit", "fit", None, None, error.message)]
    peer, failure = _fit_peer(fitter, summary)
    theirs = {name: float(peer.params_[name]) for name in names} if peer is not None else {}
    rows = [
        _row(label, "parameter", name, value, theirs.get(name), failure)
        for name, value in mine.model.parameters.items()
    ]
    their_fit = _at(model_class, mine, theirs)
    better = ""
    if their_fit is not None and mine.log_likelihood - their_fit > 0.01:
        better = f"its optimum is {mine.log_likelihood - their_fit:,.2f} short of the maximum"
    rows.append(_row(label, "log-likelihood", "log_likelihood", mine.log_likelihood, their_fit, failure or better))
    if model_class is not GammaGamma and peer is not None:
        rows += _compare_customers(label, mine, peer, summary)
    return rows


def _compare_customers(label: str, mine: ModelFit, peer: Any, summary: PurchaseSummary) -> list[dict[str, Any]]:
    """Compare what both say of the customers: totals over everybody, and what is no number."""
    x, t_x, T = summary.arrays()
    age = float(T.max(initial=1.0))
    busy, silent = np.array([100.0, 500.0, 1000.0, 2000.0]), np.full(4, 0.5 * age)
    model, year = cast("CustomerModel", mine.model), 365.0 / summary.days_per_unit
    both = {
        "customers alive, expected": (
            model.probability_alive(x, t_x, T),
            lambda: peer.conditional_probability_alive(x, t_x, T),
        ),
        "purchases expected in a year": (
            model.expected_purchases(year, x, t_x, T),
            lambda: peer.conditional_expected_number_of_purchases_up_to_time(year, x, t_x, T),
        ),
    }
    both["stress: 4 customers with 100 to 2,000 purchases alive"] = (
        model.probability_alive(busy, silent, age),
        lambda: peer.conditional_probability_alive(busy, silent, np.full(4, age)),
    )
    rows = []
    for what, (own, ask) in both.items():
        values, failure = _quietly(ask)
        if values is None:
            rows.append(_row(label, "customers", what, float(own.sum()), None, failure))
            continue
        theirs = np.asarray(values, dtype=np.float64).ravel()
        bad = np.count_nonzero(~np.isfinite(theirs))
        remark = f"no number for {bad:,} customers" if bad else ""
        if "alive" in what and (over := np.count_nonzero(theirs > 1 + 1e-12)):
            remark = f"{remark}; " * bool(remark) + f"P(alive) above 1 for {over:,} customers"
        rows.append(_row(label, "customers", what, float(own.sum()), float(np.nansum(theirs)), remark))
    return rows


def _at(model_class: type[Model], mine: ModelFit, theirs: dict[str, float]) -> float | None:
    """Return the log-likelihood at the other package's parameters, on the same counted table."""
    if not theirs or min(theirs.values()) <= 0:
        return None
    return model_class.objective(mine.data)(np.log(list(theirs.values())), gradient=False)[0]


def _row(model: str, kind: str, figure: str, mine: float | None, theirs: float | None, remark: str) -> dict[str, Any]:
    difference = None if mine is None or theirs is None or mine == 0 else theirs / mine - 1
    return {
        "model": model, "kind": kind, "figure": figure, "custvalue": mine, "lifetimes": theirs,
        "difference_rate": difference, "remark": remark,
    }  # fmt: skip


def _fit_peer(fitter: str, summary: PurchaseSummary) -> tuple[Any, str]:
    """Fit a lifetimes model; what it warns or raises becomes the remark."""

    def run() -> Any:
        import lifetimes
        import pandas as pd

        model = getattr(lifetimes, fitter)(penalizer_coef=0.0)
        if fitter == "GammaGammaFitter":
            used = summary.table.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0))
            columns = ["frequency", "monetary_value"]
        else:
            used, columns = summary.table, ["frequency", "recency", "T"]
        model.fit(*(pd.Series(used[c].cast(pl.Float64).to_numpy()) for c in columns))
        return model

    return _quietly(run)


def _quietly(run: Any) -> tuple[Any, str]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        before = np.random.get_state()  # noqa: NPY002 - lifetimes starts at points of this generator
        np.random.seed(1)  # noqa: NPY002 - and an audit must say the same twice
        try:
            return run(), ""
        except Exception as error:  # noqa: BLE001 - whatever another package raises is the finding
            return (
                None,
                f"lifetimes fails: {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}",
            )
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _version() -> str:
    from importlib.metadata import version

    return version("lifetimes")


@checked
def to_lifetimes(fitted: ModelFit) -> Any:
    """Return a lifetimes fitter with the parameters of a fit, for users of its functions and plots.

    Raises
    ------
    DataError
        lifetimes has no such model.
    """
    import pandas as pd

    if type(fitted.model) not in PEERS:
        raise DataError(f"lifetimes has no {fitted.model.label}.", "It has BG/NBD, MBG/NBD, Pareto/NBD, Gamma-Gamma.")
    fitter, _ = PEERS[type(fitted.model)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it warns on current pandas
        import lifetimes
    peer = getattr(lifetimes, fitter)()
    peer.params_ = pd.Series(fitted.model.parameters)
    columns = {name: fitted.data.columns[name].repeat(fitted.data.count.astype(int)) for name in fitted.data.columns}
    peer.data = pd.DataFrame(columns | {"weights": 1})
    peer.predict = getattr(peer, "conditional_expected_number_of_purchases_up_to_time", None)
    return peer
