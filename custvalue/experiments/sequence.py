"""Intervals that stay valid however often a running test is looked at."""

from __future__ import annotations

import math

from custvalue.errors import DataError


def tuning(planned_customers: float, level: float) -> float:
    """Return ρ that makes the sequence narrowest at the planned number of customers.

    ρ² = (−2 ln α + ln(1 − 2 ln α))/N* (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2021, appendix B.2).
    It is fixed before the test: tuned to what has been seen, the sequence is not valid.
    """
    alpha = 1.0 - level
    return math.sqrt((-2.0 * math.log(alpha) + math.log(1.0 - 2.0 * math.log(alpha))) / planned_customers)


def sequence_half_width(standard_error: float, n: int, rho: float, level: float) -> float:
    """Half-width of the asymptotic confidence sequence after `n` customers in both arms.

    √(s²·2(Nρ² + 1)/(N²ρ²)·ln(√(Nρ² + 1)/α)) with s² = N·Var(d) (Waudby-Smith et al. 2021, eq. 9).
    """
    _check(standard_error, n)
    grown = n * rho**2 + 1.0
    s2 = n * standard_error**2
    return math.sqrt(s2 * 2.0 * grown / (n * rho) ** 2 * math.log(math.sqrt(grown) / (1.0 - level)))


def sequence_p_value(effect: float, standard_error: float, n: int, rho: float) -> float:
    """Smallest α whose confidence sequence leaves out 0; valid at every look."""
    _check(standard_error, n)
    grown = n * rho**2 + 1.0
    s2 = n * standard_error**2
    exponent = -(effect**2) * (n * rho) ** 2 / (2.0 * s2 * grown)
    return min(1.0, math.sqrt(grown) * math.exp(exponent))


def msprt(effect: float, standard_error: float, prior_variance: float, level: float) -> tuple[float, float]:
    """Mixture sequential probability ratio test: p-value at this look and half-width of its interval.

    Λ = √(V/(V + τ²))·exp(τ²d²/(2V(V + τ²))) (Johari, Koomen, Pekelis & Walsh 2022, eq. 7); the always
    valid p-value is the smallest over the looks so far.
    """
    _check(standard_error, 1)
    v, tau2 = standard_error**2, prior_variance
    log_ratio = 0.5 * math.log(v / (v + tau2)) + tau2 * effect**2 / (2.0 * v * (v + tau2))
    half = math.sqrt(v * (v + tau2) / tau2 * (math.log((v + tau2) / v) - 2.0 * math.log(1.0 - level)))
    return min(1.0, math.exp(-log_ratio)), half


def _check(standard_error: float, n: int) -> None:
    if not (standard_error > 0.0 and n > 0):
        raise DataError(f"A sequence needs customers and a standard error above 0, got {n} and {standard_error}.")
