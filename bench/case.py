"""The book and market that all engines and ports simulate: generated facilities in the base market, contagion on."""

from dataclasses import dataclass

import numpy as np

from rackrisk.config import structural_settings
from rackrisk.data import load_portfolio
from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.streams import key_words
from rackrisk.models.book import BuiltBook, build_book
from rackrisk.models.market import compile_market
from rackrisk.models.market.arrays import MarketArrays
from rackrisk.models.mechanisms import Mechanisms, switched_market, switched_recovery, switched_tape
from rackrisk.models.simulate import path_maker


@dataclass(frozen=True)
class Case:
    """One book and market, ready for an engine."""

    built: BuiltBook
    market: MarketArrays
    seed: int
    months: int

    @property
    def obligors(self) -> int:
        """How many; a loan-month is one of them in one month of one scenario."""
        return self.built.book.stream.shape[0]

    @property
    def key(self) -> tuple[int, int]:
        """The seed as words."""
        return key_words(self.seed)

    def paths(self, first: int, count: int) -> Paths:
        """Market paths of scenarios first to first + count - 1, by NumPy in float64."""
        numbers = np.arange(first, first + count, dtype=np.uint32)
        return path_maker(self.built)(np, self.market, self.key, numbers)


def make_case(facilities: int, months: int, *, seed: int = 1) -> Case:
    """`portfolio=synthetic portfolio.count=FACILITIES months=MONTHS`, everything else as shipped."""
    overrides = ["portfolio=synthetic", f"portfolio.count={facilities}", f"months={months}", f"seed={seed}"]
    settings = structural_settings(*overrides)
    mechanisms = Mechanisms(**settings.mechanisms.model_dump())
    market = switched_market(settings.market, mechanisms)
    tape = load_portfolio(
        settings.portfolio,
        as_of=settings.as_of,
        generations=tuple(market.generations),
        asic_classes=tuple(market.asics),
    )
    built = build_book(
        switched_tape(tape, market, mechanisms, settings.as_of),
        market=market,
        recovery=switched_recovery(settings.recovery, mechanisms),
        as_of=settings.as_of,
        months=months,
    )
    horizon = months + built.lag_months
    arrays = compile_market(
        market, as_of=settings.as_of, months=horizon, counterparty_pd_annual=built.counterparty_pd_annual
    )
    return Case(built, arrays, seed, months)
