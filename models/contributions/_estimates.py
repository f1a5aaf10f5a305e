"""Contributions to VaR and ES with their standard errors, from the sums of a replay.

D. Tasche (1999), "Risk contributions and performance measurement", TU Munich: the contribution of a part i is the
derivative of the measure in the part's size, E[L_i | L = VaR] and E[L_i | L beyond the VaR, the atom at it in part].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rackrisk.models.measures import (
    expected_shortfall,
    ratio_from_sums,
    shortfall_has_error,
    value_at_risk,
)

from ._apportion import apportion
from ._members import Dimension
from ._moments import Gathered, LevelMoments, Moments
from ._tail import Tail, TailLevel

Array = NDArray[np.float64]
ROUNDING = 1e-13  # of a sum of squares: below it a variance is a sum that should have cancelled


@dataclass(frozen=True)
class Influence:
    """Influence of the scenarios on the contributions to one ES, W (Y - centre) / (1 - level), as sums over scenarios.

    W is 1 beyond the VaR, the part of the atom that counts at it, and 0 elsewhere; the centre is the contribution to
    the VaR, so that the influences of all parts add up to that of the ES, with the error of its VaR in it.
    """

    n: int
    level: TailLevel
    moments: LevelMoments
    centre: Array  # [C] quanta

    @cached_property
    def probability(self) -> float:
        """1 - level."""
        return float(self.level.mass) / self.n

    @cached_property
    def atom_weight(self) -> float:
        """Part of a scenario at the VaR that the ES counts."""
        return float(self.level.mass - self.level.beyond_count) / self.level.atom_count

    @cached_property
    def atom_multiple(self) -> float:
        """Scenarios at the VaR for each of those that were replayed."""
        return self.level.atom_count / max(self.moments.atom.count, 1)

    def total(self) -> Array:
        """Sum of the influences, [C]."""
        beyond, atom = (m.y - m.count * self.centre for m in (self.moments.beyond, self.moments.atom))
        return (beyond + self.atom_weight * self.atom_multiple * atom) / self.probability

    def squares(self) -> Array:
        """Sum of their squares, [C]."""
        return self._weighted(lambda m: _squares(m.yy, m.y, self.centre, m.count))

    def with_book(self) -> Array:
        """Sum of their products with the book's own, [C]."""
        var = float(self.level.var_quanta)
        return self._weighted(lambda m: m.yl - var * m.y - self.centre * (m.loss - m.count * var))

    def of_book(self) -> tuple[float, float]:
        """Sum of the book's influences, and of their squares."""
        var, beyond = float(self.level.var_quanta), self.moments.beyond
        squares = _squares(np.array(beyond.loss_squares), np.array(beyond.loss), np.array(var), beyond.count)
        return (beyond.loss - beyond.count * var) / self.probability, float(squares) / self.probability**2

    def with_residual(self, spread: Array) -> Array:
        """Sum of their products with Y - spread x paid share, for the facilities, the first [F] columns."""
        facilities = len(spread)
        centre = self.centre[:facilities]

        def products(m: Moments) -> Array:
            return m.yy[:facilities] - spread * m.yp - centre * (m.y[:facilities] - spread * m.p)

        beyond, atom = products(self.moments.beyond), products(self.moments.atom)
        return (beyond + self.atom_weight * self.atom_multiple * atom) / self.probability

    def _weighted(self, sums: Callable[[Moments], Array]) -> Array:
        atom = self.atom_weight**2 * self.atom_multiple * sums(self.moments.atom)
        return (sums(self.moments.beyond) + atom) / self.probability**2


@dataclass(frozen=True)
class LevelEstimate:
    """Contributions at one level, USD, of the members of every dimension one after the other, [C].

    Errors are NaN where the sample cannot support them.

    Attributes:
        es_usd, var_usd: the measures of the book, to which the members of each dimension add up exactly.
        es, es_error, es_share_error: contributions, their standard errors, and those of their shares of the ES.
        var, var_error, var_share_error: the same for the VaR.
        influence: behind the errors of the ES.
    """

    level: float
    es_usd: float
    var_usd: float
    es: Array
    es_error: Array
    es_share_error: Array
    var: Array
    var_error: Array
    var_share_error: Array
    influence: Influence


@dataclass(frozen=True)
class TailEstimates:
    """Contributions at every level.

    Attributes:
        dimensions: in the order of the columns of the estimates.
        levels: one entry a level.
        combined: see `Gathered`.
    """

    dimensions: list[Dimension]
    tail: Tail
    levels: list[LevelEstimate]
    combined: Array

    def at(self, level: float) -> LevelEstimate:
        """The estimate of one level."""
        return next(found for found in self.levels if found.level == level)

    def influence_of(self, place: int, estimate: LevelEstimate) -> Array:
        """Influence of every scenario of the run, [n], on the contribution to an ES of a weighted sum of facilities.

        Args:
            place: of the sum in `combined`.
        """
        level, y, influence = estimate.influence.level, self.combined[:, place], estimate.influence
        band = level.band
        centre = level.var_quanta * y[band].sum() / max(self.tail.loss_quanta[band].sum(), 1)
        # Scenarios at the VaR that were not replayed are taken for ones like those that were.
        multiple = np.sqrt(influence.atom_multiple)
        weight = np.where(level.beyond, 1.0, np.where(level.atom, influence.atom_weight * multiple, 0.0))
        found = np.zeros(self.tail.n_scenarios)
        found[self.tail.numbers] = weight * (y - centre) / influence.probability
        return found


def estimate_tail(
    tail: Tail,
    gathered: Gathered,
    parts: list[Dimension],
    *,
    losses_usd: Array,
    quantum_usd: float,
    confidence: float,
) -> TailEstimates:
    """Estimate the contributions at every level of a tail.

    Args:
        losses_usd: [n], loss of every scenario of the book.
        quantum_usd: one quantum.
    """
    ascending = np.sort(losses_usd)
    levels = [
        _estimate(level, moments, parts, ascending, quantum_usd=quantum_usd, confidence=confidence)
        for level, moments in zip(tail.levels, gathered.levels, strict=True)
    ]
    return TailEstimates(parts, tail, levels, gathered.combined)


def _estimate(
    level: TailLevel,
    moments: LevelMoments,
    parts: list[Dimension],
    ascending: Array,
    *,
    quantum_usd: float,
    confidence: float,
) -> LevelEstimate:
    n = len(ascending)
    es = expected_shortfall(ascending, level=level.level, confidence=confidence)
    var = value_at_risk(ascending, level=level.level, confidence=confidence)
    assert es.value is not None
    assert var.value is not None
    band = moments.band
    share = band.y / max(band.loss, 1.0)
    influence = Influence(n, level, moments, share * level.var_quanta)
    enough = shortfall_has_error(n, level=level.level)
    es_error, es_share_error = _shortfall_errors(influence, es.value / quantum_usd) if enough else _unknown(share)
    share_error = _band_errors(band)
    var_std_error = np.nan if var.std_error is None else var.std_error
    return LevelEstimate(
        level=level.level,
        es_usd=es.value,
        var_usd=var.value,
        es=_exactly(parts, es.value, _shortfall_weights(level, moments)),
        es_error=es_error * quantum_usd,
        es_share_error=es_share_error,
        var=_exactly(parts, var.value, moments.band.facility.tolist()),
        var_error=np.sqrt((var.value * share_error) ** 2 + (share * var_std_error) ** 2),
        var_share_error=share_error,
        influence=influence,
    )


def _shortfall_weights(level: TailLevel, moments: LevelMoments) -> list[int]:
    """Whole numbers in proportion to the facilities' contributions: losses beyond the VaR, and the mean of those at it
    for the part of them that counts.
    """
    beyond, atom = moments.beyond.facility.tolist(), moments.atom.facility.tolist()
    counted = level.mass - level.beyond_count
    at, per = counted.numerator, counted.denominator * max(moments.atom.count, 1)
    return [per * above + at * here for above, here in zip(beyond, atom, strict=True)]


def _exactly(parts: list[Dimension], total: float, weights: Sequence[int]) -> Array:
    """The members' parts of a total, dimension after dimension; each dimension adds up to it exactly."""
    amounts = list(weights)
    return np.concatenate([apportion(total, dimension.exactly(amounts)) for dimension in parts])


def _shortfall_errors(influence: Influence, es_quanta: float) -> tuple[Array, Array]:
    """Standard errors of contributions, in quanta, and of their shares."""
    n, total, squares = influence.n, influence.total(), influence.squares()
    book_total, book_squares = influence.of_book()
    error = _error(squares, total, n)
    if es_quanta == 0.0:
        return error, np.full_like(error, np.nan)
    share = (influence.centre + total / n) / es_quanta
    residual = squares - 2 * share * influence.with_book() + share**2 * book_squares
    residual = np.where(residual > ROUNDING * (squares + share**2 * book_squares), residual, 0.0)
    return error, _error(residual, total - share * book_total, n) / es_quanta


def _band_errors(band: Moments) -> Array:
    """Standard errors of the shares in the band's loss; NaN for a band of one scenario or without loss."""
    if band.count < 2:
        return np.full_like(band.y, np.nan)
    book, squares = np.full_like(band.y, band.loss), np.full_like(band.y, band.loss_squares)
    return ratio_from_sums(band.y, book, sum_aa=band.yy, sum_ab=band.yl, sum_bb=squares, n=band.count).std_error


def _error(squares: Array, total: Array, n: int) -> Array:
    """Standard error of a mean of n numbers from the sums of their squares and of themselves."""
    spread = squares - total**2 / n
    return np.sqrt(np.where(spread > ROUNDING * squares, spread, 0.0) / n / (n - 1))


def _squares(yy: Array, y: Array, centre: Array, count: int) -> Array:
    """Sum of (Y - centre)^2; zero where only rounding is left of it."""
    found = yy - 2 * centre * y + count * centre**2
    return np.where(found > ROUNDING * yy, found, 0.0)


def _unknown(like: Array) -> tuple[Array, Array]:
    return np.full_like(like, np.nan), np.full_like(like, np.nan)
