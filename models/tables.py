"""From a tally of exact integers to the tables a reader wants, with standard errors."""

import numpy as np
import polars as pl

from rackrisk.kernels.arrays import Paths
from rackrisk.kernels.balances import facility_balances
from rackrisk.kernels.tally import CARRIED_BITS, SQUARE_BITS, Tally
from rackrisk.models.book import BuiltBook
from rackrisk.models.market import MarketConfig, cash_channels, channel_units, value_channels
from rackrisk.models.measures import ratio
from rackrisk.models.results import SEGMENT_LOSS_PREFIX

CAUSES = ("payment", "margin", "refinancing")
FACILITIES_AT_A_TIME = 65_536  # of tables by month that are made to be added up
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}


def exposures(built: BuiltBook) -> dict[str, float]:
    """Balance at the as-of date by scope, USD."""
    by_scope = built.scale.facility_in_group @ built.scale.first_balance_usd
    return dict(zip(built.scopes, by_scope.tolist(), strict=True))


def losses(built: BuiltBook, tally: Tally) -> pl.DataFrame:
    """One row a scenario: total and segment losses in USD, discounted."""
    usd = tally.loss * float(built.scale.loss_quantum_usd)
    columns = {f"{SEGMENT_LOSS_PREFIX}{scope}": usd[:, place] for place, scope in enumerate(built.scopes) if place}
    scenario = np.arange(usd.shape[0], dtype=np.int64)
    return pl.DataFrame({"scenario": scenario, "loss": usd[:, 0], "weight": np.ones(usd.shape[0]), **columns})


def mean_losses(built: BuiltBook, tally: Tally, scenarios: int) -> tuple[np.ndarray, np.ndarray]:
    """EL of every facility and its standard error, USD [F]; errors NaN in a single scenario."""
    el = tally.facility_loss * float(built.scale.loss_quantum_usd) / scenarios
    share = built.scale.first_balance_usd * 2.0**-SQUARE_BITS
    mean_square = tally.facility_loss_squares * share**2 / scenarios
    error = np.sqrt(np.maximum(mean_square - el**2, 0) / max(scenarios - 1, 1))
    return el, _unless(scenarios < 2, error)


def facilities(built: BuiltBook, tally: Tally, scenarios: int, months: int) -> pl.DataFrame:
    """One row a facility: PD, EL, LGD, exposure at default and the spread that pays for EL."""
    quantum = float(built.scale.loss_quantum_usd)
    defaults = tally.facility_defaults[-1].astype(np.float64)
    pd = tally.facility_defaults / scenarios
    el, error = mean_losses(built, tally, scenarios)
    exposure_pv = tally.facility_exposure_pv * quantum / scenarios
    pv_balance_usd = pv_balance(built, tally, scenarios)
    years = {f"pd_{year + 1}y": pd[year] for year in range(min(months // 12, 5))}
    return built.facilities.select(
        "facility_id", "obligor_id", "segment", "balance_usd", "quoted_spread_annual"
    ).with_columns(
        pd=pd[-1],
        pd_std_error=np.sqrt(pd[-1] * (1 - pd[-1]) / scenarios),
        el_usd=el,
        el_std_error_usd=_or_null(error),
        lgd=_or_null(_quotient(el, exposure_pv)),
        expected_exposure_usd=exposure_pv,
        ead_usd=_or_null(_quotient(tally.facility_exposure * quantum, defaults)),
        pv_balance_usd=pv_balance_usd,
        fair_el_spread_annual=_or_null(_quotient(el, pv_balance_usd)),
        **{name: pl.Series(values) for name, values in years.items()},
    )


def pv_balance(built: BuiltBook, tally: Tally, scenarios: int) -> np.ndarray:
    """Mean discounted balance on which interest is paid, [F] USD-years: a spread of 1 a year on it is worth as much.

    Month t pays on the balance at its start, if the obligor does not default in it.
    """
    owner = built.book.facilities.obligor
    found = np.empty(owner.size)
    for first in range(0, owner.size, FACILITIES_AT_A_TIME):
        place = slice(first, first + FACILITIES_AT_A_TIME)
        carried = tally.carried[:, owner[place]] * 2.0**-CARRIED_BITS
        found[place] = np.einsum("tf,tf->f", facility_balances(built.book, place)[:-1], carried) / 12 / scenarios
    return found


def pd_term(built: BuiltBook, tally: Tally, scenarios: int) -> pl.DataFrame:
    """Cumulative default rates by month: of obligors, and of starting balance by exposure at default."""
    obligors = built.scale.obligor_in_group.sum(axis=1)
    balance = np.array(list(exposures(built).values()))
    in_default = np.cumsum(tally.months.defaulted_debt, axis=0) * float(built.scale.view_quantum_usd)
    count = np.cumsum(tally.months.defaults, axis=0)
    mean = count / scenarios
    variance = np.maximum(tally.default_squares / scenarios - mean**2, 0) / max(scenarios - 1, 1)
    return _by_month(
        built,
        pd_count=_quotient(mean, obligors),
        pd_exposure=in_default / scenarios / balance,
        pd_count_std_error=_unless(scenarios < 2, _quotient(np.sqrt(variance), obligors)),
    )


def early_warning(built: BuiltBook, tally: Tally) -> pl.DataFrame:
    """Shares of performing obligors with thin cover or high LTV, and LTV at market and at clearing prices, by month."""
    months, scenarios = tally.months, int(tally.watched)
    obligors = built.scale.obligor_in_group.sum(axis=1)
    performing, serving = months.performing, months.serving
    debt, book, clearing = (
        total * float(built.scale.view_quantum_usd) / scenarios
        for total in (months.debt, months.book_value, months.clearing_value)
    )
    return _by_month(
        built,
        active_share=_quotient(performing, obligors * scenarios),
        dscr_below_1_2=_quotient(months.dscr_below_1_2, serving),
        dscr_below_1_0=_quotient(months.dscr_below_1_0, serving),
        ltv_above_covenant=_quotient(months.ltv_above_covenant, performing),
        debt_usd=debt,
        book_value_usd=book,
        clearing_value_usd=clearing,
        book_ltv=_quotient(debt, book),
        clearing_ltv=_quotient(debt, clearing),
    ).with_columns(n_scenarios=pl.lit(scenarios, pl.Int64))


def defaults_by_cause(built: BuiltBook, tally: Tally, scenarios: int) -> pl.DataFrame:
    """Probability that an obligor defaults for each cause, by scope."""
    obligors = built.scale.obligor_in_group.sum(axis=1)
    mean = tally.causes / scenarios
    variance = np.maximum(tally.cause_squares / scenarios - mean**2, 0) / max(scenarios - 1, 1)
    scopes = built.scopes
    return pl.DataFrame(
        {
            "scope": [scope for scope in scopes for _ in CAUSES],
            "cause": list(CAUSES) * len(scopes),
            "probability": _or_null(_quotient(mean, obligors).T.ravel()),
            "std_error": _or_null(_unless(scenarios < 2, _quotient(np.sqrt(variance), obligors)).T.ravel()),
        }
    )


def loss_given_default(built: BuiltBook, tally: Tally) -> pl.DataFrame:
    """Discounted loss over discounted exposure at default, by scope, and that exposure over the balance.

    Their product is the expected loss over the balance. LGD is null without a default.
    """
    loss, exposure = tally.loss.astype(np.float64), tally.exposure.astype(np.float64)
    rows = [ratio(loss[:, g], exposure[:, g]) for g in range(loss.shape[1])]
    share = exposure * float(built.scale.loss_quantum_usd) / np.array(list(exposures(built).values()))
    error = share.std(axis=0, ddof=1) / np.sqrt(len(share)) if len(share) > 1 else np.full(share.shape[1], np.nan)
    return pl.DataFrame(
        {
            "scope": built.scopes,
            "lgd": pl.Series([row.value for row in rows], dtype=pl.Float64),
            "std_error": pl.Series([row.std_error for row in rows], dtype=pl.Float64),
            "exposure_share": share.mean(axis=0),
            "exposure_share_std_error": _or_null(error),
        }
    )


def fans(paths: Paths, market: MarketConfig, months: int) -> pl.DataFrame:
    """Quantiles of every channel and of the short rate by month."""
    units = channel_units(market)
    table = [(name, units[name], paths.cash[:, : months + 1, k]) for k, name in enumerate(cash_channels(market))]
    table += [(name, units[name], paths.price[:, : months + 1, k]) for k, name in enumerate(value_channels(market))]
    table.append(("short_rate", "per year", paths.short_rate[:, : months + 1]))
    frames = []
    for name, unit, values in table:
        levels = np.quantile(values, list(QUANTILES.values()), axis=0)
        frames.append(
            pl.DataFrame(
                {
                    "month": np.arange(months + 1),
                    "mean": values.mean(axis=0),
                    **dict(zip(QUANTILES, levels, strict=True)),
                }
            ).with_columns(channel=pl.lit(name), unit=pl.lit(unit), n_scenarios=pl.lit(values.shape[0], pl.Int64))
        )
    return pl.concat(frames).select("channel", "unit", "month", "mean", *QUANTILES, "n_scenarios")


def _by_month(built: BuiltBook, **columns: np.ndarray) -> pl.DataFrame:
    """Tables [T, 1+G] as rows of month and scope."""
    scopes = built.scopes
    months = next(iter(columns.values())).shape[0]
    frame = pl.DataFrame({"month": np.repeat(np.arange(1, months + 1), len(scopes)), "scope": scopes * months})
    return frame.with_columns(**{name: _or_null(values.ravel()) for name, values in columns.items()})


def _quotient(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """top / bottom, NaN where the bottom is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _or_null(values: np.ndarray) -> pl.Series:
    """A column whose NaN, standing for what could not be computed, are null."""
    return pl.Series(values, dtype=pl.Float64).fill_nan(None)


def _unless(missing: bool, values: np.ndarray) -> np.ndarray:
    return np.full_like(values, np.nan) if missing else values
