"""Where history falls in the base market's own distribution: the table of docs/evidence.md.

    python -m bench.history            20,000 paths from a calm start, seed 1; some seconds

Each row is a change that was seen, and the share of simulated changes over as many months that are not above it.
"""

import argparse
from dataclasses import dataclass

import numpy as np

from rackrisk.config import structural_settings
from rackrisk.kernels.streams import key_words
from rackrisk.models.market import cash_channels, compile_market, value_channels
from rackrisk.models.market.paths import simulate_paths
from rackrisk.models.measures import proportion

from .record import table

PATHS = 20_000


@dataclass(frozen=True)
class Seen:
    """A change of a channel that happened; `channel` is the market's nearest to it."""

    what: str
    channel: str
    months: int
    change: float


HISTORY = (
    Seen("H100 posted, 2023-07 to 2026-08", "rent_h100", 37, 0.00),
    Seen("H100 posted, 2024-01 to 2026-04", "rent_h100", 27, -0.19),
    Seen("A100 posted, 2021-07 to 2026-04", "rent_a100", 57, -0.35),
    Seen("V100 posted, 2019-07 to 2024-07", "rent_a100", 60, -0.77),
    Seen("H100 posted, 2024-01 to 2024-10", "rent_h100", 9, -0.34),
    Seen("H100 one-year, 2025-10 to 2026-03", "rent_h100", 5, 0.38),
    Seen("BTC monthly means, 2025-10 to 2026-08", "btc", 10, -0.43),
    Seen("BTC monthly means, 2021-04 to 2022-12", "btc", 20, -0.70),
    Seen("hash price, 2021-04 to 2022-12", "hashprice", 20, -0.80),
    Seen("machines, 2021-05 to 2022-12", "asic_s19", 19, -0.87),
)


def changes() -> dict[str, np.ndarray]:
    """Relative changes since the as-of date by channel, [paths, months + 1]."""
    settings, months = structural_settings(), max(seen.months for seen in HISTORY)
    market = compile_market(settings.market, as_of=settings.as_of, months=months, counterparty_pd_annual={})
    paths = simulate_paths(np, market, key_words(settings.seed), np.arange(PATHS, dtype=np.uint32))
    cash = dict(zip(cash_channels(settings.market), np.moveaxis(paths.cash, 2, 0), strict=True))
    value = dict(zip(value_channels(settings.market), np.moveaxis(paths.price, 2, 0), strict=True))
    return {name: levels / levels[:, :1] - 1.0 for name, levels in (cash | value).items()}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    simulated, rows = changes(), []
    for seen in HISTORY:
        below = proportion(int((simulated[seen.channel][:, seen.months] <= seen.change).sum()), PATHS)
        rows.append([seen.what, f"{seen.change:+.0%}", f"{below.value:.3f}", f"{below.std_error:.3f}"])
    print(table(("observed", "change", "quantile", "std error"), rows))


if __name__ == "__main__":
    main()
