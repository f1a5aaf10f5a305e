"""The arrays an engine reads and writes: one obligor a column, one month a row.

Dimensions, with one meaning everywhere: S scenarios of a tile, T months, N obligors, F facilities, C cash channels,
V value channels, M kinds of merchant capacity, J contracts per obligor, K named counterparties, R regimes, H = T +
longest resale lag. Money is USD, rates and volatilities are per year unless the name says month, months count from
the as-of date (row 0). Floating arrays are float64 when built; an engine casts them to its own precision.

Named tuples, because NumPy, JAX and CuPy code can all take them apart without further registration.
"""

from typing import Any, NamedTuple


class Cash(NamedTuple):
    """What an obligor earns and spends, linear in the cash channels."""

    merchant: Any  # [M, C, N] exposure of capacity sold at market, net of its power; each kind is idled for itself
    released: Any  # [J, C, N] the same for contracted capacity, once its contract is over
    revenue_usd_month: Any  # [J, N] while contract and offtaker live
    contract_power_usd_month: Any  # [J, N] cost at power index 1 while the contract lives
    contract_end_month: Any  # [J, N] int32, last month paid; 0 without a contract
    offtaker: Any  # [J, N] int32 into the counterparties; 0 is nobody, who never defaults
    fixed_cost_usd_month: Any  # [N]
    earns: Any  # [N] bool: owns something that brings income; cover means nothing for the others
    shock_sd: Any  # [N] standard deviation of the stationary AR(1) shock
    shock_persistence: Any  # [] monthly AR(1) coefficient
    relet_months: Any  # [] int32, empty months before released capacity earns again


class Debt(NamedTuple):
    """Scheduled debt of an obligor, all its facilities together; row t is month t."""

    balance_usd: Any  # [T+1, N] outstanding after month t's scheduled payments
    service_usd: Any  # [T+1, N] scheduled principal without balloon, plus interest at fixed rates and spreads
    floating_usd: Any  # [T+1, N] times the short rate (per year) gives the month's floating interest
    balloon_usd: Any  # [T+1, N] due at once and to be refinanced


class Terms(NamedTuple):
    """Covenants, support and starting accounts of an obligor, each [N]; no covenant is 0 (DSCR) or infinity (LTV)."""

    covenant_dscr: Any
    covenant_ltv: Any
    sweep_share: Any
    margin_call_ltv: Any
    margin_restore_ltv: Any
    refi_ltv: Any  # negative: the market's
    refi_dscr: Any  # negative: the market's
    reserve_months: Any
    reserve_floor_usd: Any
    cash_usd: Any
    coins: Any
    pledged_coins: Any
    cure_usd: Any
    guarantee_usd: Any
    guarantor: Any  # int32 into the counterparties


class Assets(NamedTuple):
    """What an obligor owns, in units of the value channels."""

    units: Any  # [V, N] without coins
    pledged_units: Any  # [V, N] those of them that secure the debt; the rest is free
    sale_quanta: Any  # [V, N] integers below 2^24 in sum: units to be sold after default, coins included
    quantum: Any  # [V] units in one quantum, a power of two


class Liquidation(NamedTuple):
    """How defaulted collateral turns into money; [V] unless said."""

    impact: Any  # kappa: log price per multiple of monthly depth
    depth: Any  # [R, V] units a month the market takes, by regime
    floor: Any  # lowest price impact factor
    absorption: Any  # share of the inventory absorbed each month
    lag_months: Any  # int32
    kept_share: Any  # (1 - physical haircut) (1 - selling cost)
    system_multiple: Any  # [] sector's sales per unit of ours


class Refinancing(NamedTuple):
    """What a new lender offers in each regime, [R] unless said."""

    ltv: Any
    dscr: Any
    spread_annual: Any
    tenor_months: Any  # [N] of the new loan


class Facilities(NamedTuple):
    """One facility each, sorted by obligor."""

    obligor: Any  # [F] int32
    rank: Any  # [F] int32: 0 senior secured, 1 second lien, 2 unsecured
    column: Any  # [F] int32, where it is in `balance_usd`; -1: its obligor has no other, and owes what it does
    balance_usd: Any  # [T+1, B] of those with a column
    unsecured_recovery: Any  # [F]


class Ranks(NamedTuple):
    """Which ranks an obligor's debt has."""

    only: Any  # [N] int32, the rank of all of it, -1: it has several
    column: Any  # [N] int32, where it is in `balance_usd`; -1: all its debt is of one rank
    balance_usd: Any  # [3, T+1, B] outstanding by rank, of those with a column


class Book(NamedTuple):
    """Everything an engine needs to know about the loans."""

    stream: Any  # [N, 2] uint32
    cash: Cash
    debt: Debt
    terms: Terms
    assets: Assets
    liquidation: Liquidation
    refinancing: Refinancing
    facilities: Facilities
    ranks: Ranks
    coin_channel: int  # which value channel is the coin
    power_channel: int  # which cash channel is the power index


class Paths(NamedTuple):
    """The market in S scenarios; row t is the end of month t, row 0 the as-of date."""

    regime: Any  # [S, H+1] int32: 0 calm, 1 boom, 2 stress
    cash: Any  # [S, H+1, C]
    price: Any  # [S, H+1, V] market price per unit, before any impact of our sales
    short_rate: Any  # [S, H+1] per year
    discount: Any  # [S, H+1] value today of one dollar at the end of month t
    death_month: Any  # [S, K] int32, month in which the counterparty defaults; beyond H if it does not


class State(NamedTuple):
    """What a month hands to the next, [S, N] unless said; for a defaulted obligor, frozen at default."""

    shock: Any
    cash_usd: Any
    coins: Any
    pledged_coins: Any
    prepaid: Any  # share of the scheduled debt that sweeps have repaid
    cure_usd: Any
    guarantee_usd: Any
    paid_usd_months: Any  # discounted debt that has paid interest, added up over the months, all facilities together
    default_month: Any  # int32, 0 while alive
    cause: Any  # int32: 0 alive, 1 payment, 2 margin, 3 refinancing
    inventory: Any  # [S, V]
    impact: Any  # [S, V] price impact factor at the end of the month


class MonthView(NamedTuple):
    """What one month showed, for early warning and explanation, each [S, N]."""

    performing: Any  # bool: owed debt at the start of the month
    cfads_usd: Any
    due_usd: Any
    dscr: Any
    ltv: Any  # at prices after last month's impact
    debt_usd: Any  # before the month's payment
    defaulted: Any  # bool: this month
    carried: Any  # share of the scheduled debt that pays interest this month, times the discount factor
    book_value_usd: Any  # secured collateral at market prices
    clearing_value_usd: Any  # the same after impact, haircut and costs
