"""The coin: volatility of the continuous part, large jumps and expected return.

Volatility clusters, so a Merton (1976) likelihood with one volatility calls every busy week a series of jumps (hundreds
a year). Here the continuous part may have any volatility path: bipower variation measures it in spite of jumps
(Barndorff-Nielsen and Shephard 2004, Journal of Financial Econometrics 2, 1-37), and jumps are moves beyond
`THRESHOLD` local volatilities (Mancini 2009, Scandinavian Journal of Statistics 36, 270-296) whose intensity, mean and
deviation are estimated by maximum likelihood of the moves that were large enough to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import norm

from rackrisk.data import Series

from ._estimate import newey_west
from ._likelihood import fit

DAYS = 365.25
THRESHOLD = 5.0  # local standard deviations
WINDOW = 60  # days of the local volatility
LEAST_JUMPS = 8
LEAST_DAYS = 730
MOST_SPACING = 1.5  # days between values, at the median, of a daily series
CLUSTER_DAYS = 60  # lags of the error of the volatility


@dataclass(frozen=True)
class Jumps:
    """Intensity a year, mean and deviation of the log jump, each with its error, and the number that was seen."""

    rate: float
    rate_error: float
    mean: float
    mean_error: float
    sd: float
    sd_error: float
    seen: int


@dataclass(frozen=True)
class Daily:
    """Daily log returns, the days that each spans, the calendar month it ends in, and where a jump was seen, [n]."""

    returns: np.ndarray
    days: np.ndarray
    months: np.ndarray
    local: np.ndarray  # standard deviation of the continuous part over the return's days
    jumped: np.ndarray


def is_daily(series: Series) -> bool:
    """Whether the series is daily, alive and long enough for jumps to be told from volatility."""
    spacing = [(b - a).days for a, b in pairwise(series.dates)]
    moves = float(np.mean(np.diff(series.values) != 0)) > 0.5
    return len(spacing) >= LEAST_DAYS and float(np.median(spacing)) <= MOST_SPACING and moves


def daily_returns(series: Series) -> Daily:
    """Returns of a daily series with their local volatility."""
    returns = np.diff(np.log(series.values))
    days = np.array([(b - a).days for a, b in pairwise(series.dates)], float)
    size = np.abs(returns) / np.sqrt(days)
    products = np.pi / 2 * size[1:] * size[:-1]
    window = np.ones(WINDOW)
    average = np.convolve(products, window, "same") / np.convolve(np.ones(len(products)), window, "same")
    local = np.sqrt(np.append(average[:1], average) * days)
    jumped = np.abs(returns - np.median(returns)) > THRESHOLD * local
    return Daily(returns, days, series.months[1:], local, jumped)


def continuous_volatility(daily: Daily, chosen: np.ndarray, jumps: Jumps | None) -> tuple[float, float]:
    """Volatility a year of the continuous part over chosen days, and its error (Newey-West, `CLUSTER_DAYS` lags).

    Bipower variation forgets jumps as days get short. At one day a jump still meets its neighbour: the mean product
    is 1 + 2 rate dt (E|jump + continuous| / E|continuous| - 1) times too large, which is taken off.
    """
    size = np.abs(daily.returns) / np.sqrt(daily.days)
    products = (np.pi / 2 * size[1:] * size[:-1])[chosen[1:]] * DAYS
    measured = float(products.mean())
    variance = measured
    for _ in range(20 if jumps else 0):
        variance = measured / _excess(variance, jumps)
    error = (newey_west(products, CLUSTER_DAYS) / len(products)) ** 0.5 * variance / measured
    return variance**0.5, error / (2 * variance**0.5)


def _excess(variance: float, jumps: Jumps | None) -> float:
    """By how much jumps of neighbouring days raise bipower variation."""
    if jumps is None:
        return 1.0
    calm = (2 * variance / DAYS / np.pi) ** 0.5
    spread = (jumps.sd**2 + variance / DAYS) ** 0.5
    ratio = jumps.mean / spread
    folded = spread * (2 / np.pi) ** 0.5 * np.exp(-(ratio**2) / 2) + jumps.mean * (1 - 2 * norm.cdf(-ratio))
    return float(1 + 2 * jumps.rate / DAYS * (folded / calm - 1))


def large_jumps(daily: Daily) -> Jumps | None:
    """The jumps behind the moves that were seen; None where too few were, or their likelihood has no maximum.

    A move over dt is seen with probability P = Pr(|J + continuous| > c): the log likelihood is the sum over seen moves
    of log(rate dt density(move)) less rate times the sum over all days of dt P.
    """
    seen = int(daily.jumped.sum())
    if seen < LEAST_JUMPS:
        return None
    least, moves = THRESHOLD * daily.local, (daily.returns - np.median(daily.returns))[daily.jumped]
    years = daily.days / DAYS

    def minus(x: np.ndarray) -> np.ndarray:
        mean, rate = x[:, :1], np.exp(x[:, 2:])
        spread = np.sqrt(np.exp(2 * x[:, 1:2]) + daily.local**2)
        visible = norm.sf((least - mean) / spread) + norm.cdf((-least - mean) / spread)
        density = norm.logpdf(moves, mean, spread[:, daily.jumped]).sum(axis=1)
        return -(seen * np.log(rate[:, 0]) + density - rate[:, 0] * (years * visible).sum(axis=1))

    found = fit(minus, np.array([0.0, np.log(0.1), np.log(seen / years.sum() * 3)]))
    mean, log_sd, log_rate = found.parameters
    errors = [found.error_of(f) for f in (lambda x: x[0], lambda x: np.exp(x[1]), lambda x: np.exp(x[2]))]
    if any(e is None for e in errors) or not 0.01 < np.exp(log_sd) < 1:
        return None
    mean_error, sd_error, rate_error = (float(e or 0) for e in errors)
    return Jumps(float(np.exp(log_rate)), rate_error, float(mean), mean_error, float(np.exp(log_sd)), sd_error, seen)


def expected_return(log_drift: float, volatility: float, *, rate: float, mean: float, sd: float) -> float:
    """Expected return a year from the average log change: section 1.4 of docs/model.md, solved for mu."""
    return log_drift + volatility**2 / 2 + rate * (np.exp(mean + sd**2 / 2) - 1 - mean)
